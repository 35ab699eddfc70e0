"""OpenAI assistants: the events of a run.

The wire, over server-sent events::

    event: thread.run.created        data: {"id":"run_1","object":"thread.run","status":"queued","model":"m"}
    event: thread.run.step.delta     data: {"id":"step_1","object":"thread.run.step.delta","delta":{...}}
    event: thread.message.delta      data: {"id":"msg_1","object":"thread.message.delta","delta":{"content":[
                                              {"index":0,"type":"text","text":{"value":"Hel"}}]}}
    event: thread.message.completed  data: {"id":"msg_1","object":"thread.message","content":[...]}
    event: thread.run.completed      data: {"id":"run_1","object":"thread.run","status":"completed","usage":{...}}
    event: done                      data: [DONE]

The objects say what the events are called, so the names are not looked at. Messages and the calls of tools come in
pieces, then whole: a whole counts only where no piece of it came. The run ends the stream, and so does a run that waits
for the results of tools: what comes after is another stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import Details, PartStart, RefusalDelta, TextDelta
from ..folding.deltas import END, ChoiceEnd, Delta, Identity, ToolCallPiece, WholePart
from ..reply import Verdict
from ..reply.parts import ServerToolResult, TextPart
from .fields import count, dumped, get, objects, text, word
from .json_dialect import JSONDialect
from .openai_chat import usage_of
from .provider_errors import provider_error

_VERDICTS = {
    "completed": Verdict.COMPLETE,
    "requires_action": Verdict.TOOL_CALLS,
    "incomplete": Verdict.LENGTH,
    "expired": Verdict.TIMED_OUT,
    "cancelled": Verdict.CANCELLED,
    "failed": Verdict.ERRORED,
}
_CODE = '{"code": "'


class OpenAIAssistants(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "openai_assistants"

    def __init__(self) -> None:
        super().__init__()
        self._said: set[tuple[str | None, int]] = set()  # parts of messages of which something came
        self._calls: dict[tuple[str | None, int], int] = {}  # from step and index to a number of our own
        self._coded: set[int] = set()  # calls whose arguments are code that came in pieces
        self._argued: set[int] = set()  # calls whose arguments came

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        kind = text(value.get("object"))
        return kind == "thread" or kind.startswith(("thread.run", "thread.message"))

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what an object says to `deltas`."""
        kind, id = value.get("object"), word(value.get("id"))
        if kind == "thread.run":
            self._read_run(value, deltas)
        elif kind == "thread.message.delta":
            for part in objects(get(value, "delta", "content")):
                self._read_part(id, count(part.get("index")) or 0, part, deltas)
        elif kind == "thread.message" and value.get("status") in ("completed", "incomplete"):
            for n, part in enumerate(objects(value.get("content"))):
                if (id, n) not in self._said:
                    self._read_part(id, n, part, deltas)
        elif kind == "thread.run.step.delta":
            for call in objects(get(value, "delta", "step_details", "tool_calls")):
                self._read_call(id, count(call.get("index")) or 0, call, deltas)
        elif kind == "thread.run.step" and value.get("status") == "completed":
            for n, call in enumerate(objects(get(value, "step_details", "tool_calls"))):
                self._end_call(id, n, call, deltas)

    # -- messages --------------------------------------------------------------------------------------------------

    def _read_part(self, id: str | None, n: int, part: Mapping[str, Any], deltas: list[Delta]) -> None:
        words = part.get("text")
        if isinstance(words, Mapping):
            if (id, n) not in self._said:
                deltas.append(PartStart(TextPart))
            if value := text(words.get("value")):
                deltas.append(TextDelta(value))
            if citations := list(objects(words.get("annotations"))):
                deltas.append(Details(TextPart, {"citations": citations}))
        elif refusal := text(part.get("refusal")):
            deltas.append(RefusalDelta(refusal))
        elif file := part.get("image_file"):
            deltas.append(WholePart(ServerToolResult(None, "image_file", file)))
        self._said.add((id, n))

    # -- tools -----------------------------------------------------------------------------------------------------

    def _read_call(self, step: str | None, n: int, call: Mapping[str, Any], deltas: list[Delta]) -> int:
        """Append a piece of a call, or the whole of one that did not come in pieces; return the call's number."""
        kind = text(call.get("type"))
        index = self._calls.setdefault((step, n), len(self._calls))
        details = call.get(kind)
        name = word(get(details, "name")) if kind == "function" else word(kind)
        deltas.append(ToolCallPiece(index, word(call.get("id")), name, server=kind != "function"))
        if arguments := text(get(details, "arguments")):
            self._argued.add(index)
            deltas.append(ToolCallPiece(index, arguments=arguments))
        if code := text(get(details, "input")):
            opening = "" if index in self._coded else _CODE
            self._coded.add(index)
            deltas.append(ToolCallPiece(index, arguments=opening + dumped(code)[1:-1]))
        return index

    def _end_call(self, step: str | None, n: int, call: Mapping[str, Any], deltas: list[Delta]) -> None:
        index = self._calls.get((step, n))
        if index is None or index not in self._coded | self._argued:
            index = self._read_call(step, n, call, deltas)
        deltas.append(ToolCallPiece(index, arguments='"}' if index in self._coded else None, ended=True))
        kind = text(call.get("type"))
        result = get(call, kind, {"code_interpreter": "outputs", "file_search": "results"}.get(kind, "output"))
        if result:
            deltas.append(WholePart(ServerToolResult(word(call.get("id")), kind, result)))

    # -- the run ---------------------------------------------------------------------------------------------------

    def _read_run(self, run: Mapping[str, Any], deltas: list[Delta]) -> None:
        deltas.append(Identity(word(run.get("id")), word(run.get("model"))))
        usage, status = run.get("usage"), text(run.get("status"))
        if isinstance(usage, Mapping):
            deltas.append(usage_of(usage))
        if status not in _VERDICTS:
            return
        if not self._calls:
            for n, call in enumerate(objects(get(run, "required_action", "submit_tool_outputs", "tool_calls"))):
                self._read_call(None, n, call, deltas)
        filtered = get(run, "incomplete_details", "reason") == "content_filter"
        deltas.append(ChoiceEnd(status, Verdict.FILTERED if filtered else _VERDICTS[status]))
        if error := run.get("last_error"):
            deltas.append(provider_error(error, run))
        deltas.append(END)
