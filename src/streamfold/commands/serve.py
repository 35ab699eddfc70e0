"""Serve replies that outlive their readers: a chat page, an API for the clients of OpenAI and the AI SDK, durable logs.

It listens on this machine alone, unless --host says otherwise; then a token is needed, which is the password to
everything. Without --engine it serves the model on this device, if that is installed. An engine is one of local,
openai, anthropic, gemini, ollama, llama.cpp; its key comes from the environment, as with the provider's own client.
"""

from __future__ import annotations

import os
import sys
import webbrowser
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CallerError, EngineError, MissingExtraError
from .exit_status import OK

if TYPE_CHECKING:
    from ..relay.engines import EngineSpec

SUMMARY = "serve replies that outlive their readers, and a chat page"
TOKEN = "STREAMFOLD_TOKEN"
"""The environment variable for --token, which does not show in the list of processes."""
PORT = 8642
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1)")
    parser.add_argument(
        "--port", type=int, default=PORT, metavar="N", help=f"where to listen; 0 is a free one ({PORT})"
    )
    parser.add_argument(
        "--store",
        metavar="URL",
        help="where streams are kept: sqlite:PATH or redis://HOST:PORT/DB (a file in the user's state folder)",
    )
    parser.add_argument(
        "--engine", action="append", default=[], metavar="NAME[=URL]", help="what answers; may be given several times"
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="[NAME=]MODEL",
        help="the engine's model, a file for local; without NAME that of the first engine",
    )
    parser.add_argument("--token", help=f"the bearer token that is asked for (environment: {TOKEN})")
    parser.add_argument(
        "--cors",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="whose pages may use it; may be given several times",
    )
    parser.add_argument(
        "--webhook",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="where subscriptions may send webhooks; nowhere unless it is given, which may be several times",
    )
    parser.add_argument(
        "--retention",
        type=int,
        default=24 * 3600,
        metavar="SECONDS",
        help="forget a generation unused for so long (a day)",
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes (1)")
    parser.add_argument(
        "--vendor",
        type=Path,
        metavar="FOLDER",
        help="packages and models for engines in the browser, which fetches them from here then (docs/on-device.md)",
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")


def execute(arguments: Namespace) -> int:
    """Run the command; return its exit status."""
    try:
        from ..relay.serving import Settings, serve
    except ImportError as error:
        raise MissingExtraError(error.name or "a package of the relay", "relay") from error

    token = arguments.token or os.environ.get(TOKEN) or None
    if token is None and arguments.host not in LOOPBACK:
        raise CallerError(f"--host {arguments.host} lets others in: set --token, or {TOKEN} in the environment")
    if arguments.workers < 1:
        raise CallerError(f"--workers is {arguments.workers}, expected 1 or more")
    if arguments.vendor and not arguments.vendor.is_dir():
        raise CallerError(f"--vendor {arguments.vendor} is not a folder")
    engines = _engines(arguments.engine, arguments.model)
    settings = Settings(
        host=arguments.host,
        port=arguments.port,
        store=_store(arguments.store),
        engines=engines,
        cors=arguments.cors,
        webhooks=arguments.webhook,
        token=token,
        retention=arguments.retention,
        workers=arguments.workers,
        vendor=arguments.vendor,
    )

    def told(url: str) -> None:
        names = ", ".join(engine.name for engine in engines) or "no engine"
        print(f"streamfold serves {names} at {url} (Ctrl-C ends it)", file=sys.stderr, flush=True)
        if arguments.open:
            webbrowser.open(url)

    with suppress(KeyboardInterrupt):  # which is how it ends
        serve(settings, told)
    return OK


def _engines(given: list[str], models: list[str]) -> list[EngineSpec]:
    """Return the engines that are asked for, checked; without any, the one on this device if it is installed."""
    from ..relay.engines import EngineSpec

    named = [text.partition("=") for text in given or ["local"]]
    urls = {name: url for name, _, url in named}
    if len(urls) < len(named):
        raise CallerError("an engine is given twice")
    chosen: dict[str, str] = {}
    for text in models:
        name, equals, model = text.partition("=")
        name, model = (name, model) if equals and name in urls else (named[0][0], text)
        chosen[name] = model
    specs = [EngineSpec(name, chosen.get(name, ""), url) for name, url in urls.items()]
    try:
        for spec in specs:
            spec.check()
    except EngineError as error:
        if given:
            raise
        print(f"streamfold: no engine: {error}", file=sys.stderr)
        return []
    return specs


def _store(url: str | None) -> str:
    """Return where the store is, and make its folder."""
    if url is not None:
        return url.removeprefix("sqlite:").removeprefix("//") if url.startswith("sqlite:") else url
    import platformdirs

    folder = platformdirs.user_state_path("streamfold")
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder / "relay.db")
