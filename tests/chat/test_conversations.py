"""What is kept of conversations, and what happens where it cannot be read."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from streamfold import fold
from streamfold.chat.conversations import Conversation, Conversations, Turn
from streamfold.chat.saved_reply import restored, saved
from streamfold.errors import ConversationError
from streamfold.reply import Choice, Reply, Verdict
from streamfold.reply.parts import (
    MediaPart,
    Part,
    PlanPart,
    ReasoningPart,
    RefusalPart,
    ServerToolCall,
    ServerToolResult,
    TextPart,
    ToolCall,
)

PARTS: list[Part] = [
    ReasoningPart("hm", signature="seal", id="r1"),
    ReasoningPart("", redacted="xyz"),
    TextPart("Héllo 👩‍🚀", citations=[{"type": "char_location", "n": 1}], signature="s"),
    ToolCall("c1", "look", '{"a": [1, 2]}', True, signature="t"),
    ToolCall(None, "cut", '{"a', False),
    ServerToolCall("srvtoolu_1", "web_search", "{}", True),
    ServerToolResult("srvtoolu_1", "web_search_tool_result", {"type": "web_search_tool_result", "content": []}),
    RefusalPart("no"),
    PlanPart("first"),
    MediaPart("image/png", b"\x00\xff"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "conversations.db"


def test_a_reply_is_kept_part_by_part() -> None:
    parts = [part for part in PARTS if not isinstance(part, TextPart)] + [TextPart("Héllo 👩‍🚀", [{"a": 1}], "s")]
    reply = Reply(
        Verdict.TOOL_CALLS, [Choice(parts=parts, finish_reason="tool_use")], id="m1", dialect="anthropic_messages"
    )
    again = restored(saved(reply))
    assert again.parts == reply.parts
    assert (again.id, again.dialect, again.verdict, again.finish_reason) == (
        reply.id,
        reply.dialect,
        reply.verdict,
        reply.finish_reason,
    )
    assert again.to_anthropic() == reply.to_anthropic()
    assert again.to_openai() == reply.to_openai()


def test_what_was_said_is_there_the_next_time(path: Path) -> None:
    with Conversations(path) as kept:
        conversation = Conversation("openai", "m", "Be brief.")
        kept.add(conversation, "Hi")
        kept.keep(conversation, fold(["Hello!"]))
        kept.add(conversation, "And?")
    with Conversations(path) as kept:
        again = kept.get()
        assert (again.engine, again.model, again.system, again.id) == ("openai", "m", "Be brief.", 1)
        assert [turn.said for turn in again.turns] == ["Hi", "And?"]
        assert again.turns[0].reply is not None
        assert again.turns[0].reply.text == "Hello!"
        assert again.turns[1] == Turn("And?")


def test_a_turn_is_on_disk_before_its_reply_comes(path: Path) -> None:
    with Conversations(path) as kept:
        kept.add(Conversation("local"), "Hi")
        with Conversations(path) as other:  # as after a crash
            assert other.get().turns == [Turn("Hi")]


def test_a_turn_can_be_taken_back(path: Path) -> None:
    with Conversations(path) as kept:
        conversation = Conversation("local")
        kept.add(conversation, "one")
        kept.drop(conversation)
        kept.add(conversation, "two")
        assert [turn.said for turn in kept.get().turns] == ["two"]


def test_two_who_go_on_with_one_conversation_do_not_mix_their_turns(path: Path) -> None:
    with Conversations(path) as kept, Conversations(path) as other:
        kept.add(Conversation("local"), "one")
        first, second = kept.get(), other.get()
        kept.add(first, "two")
        with pytest.raises(ConversationError, match="elsewhere"):
            other.add(second, "three")
        assert [turn.said for turn in other.get().turns] == ["one", "two"]


def test_the_list_has_the_newest_first_and_no_empty_ones(path: Path) -> None:
    with Conversations(path) as kept:
        for said in ("first " * 50, "second"):
            kept.add(Conversation("local"), said)
        empty = Conversation("local")
        kept.add(empty, "x")
        kept.drop(empty)
        assert [(one.id, one.n_turns, one.title[:6]) for one in kept.list()] == [(2, 1, "second"), (1, 1, "first ")]
        assert len(kept.list()[1].title) <= 60


def test_one_that_is_not_there_is_a_sentence(path: Path) -> None:
    with Conversations(path) as kept:
        with pytest.raises(ConversationError, match="no conversation yet"):
            kept.get()
        kept.add(Conversation("local"), "Hi")
        with pytest.raises(ConversationError, match="no conversation 7"):
            kept.get(7)


def test_the_file_is_its_owners_alone(path: Path) -> None:
    with Conversations(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_of_a_newer_streamfold_is_refused(path: Path) -> None:
    with Conversations(path):
        pass
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ConversationError, match="newer streamfold"):
        Conversations(path)


@pytest.mark.parametrize("content", [b"this is no database, but a text " * 100, b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_damaged_file_is_a_sentence_and_stays(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ConversationError, match=r"conversations\.db"):
        Conversations(path)
    assert path.read_bytes() == content


def test_a_damaged_reply_is_a_sentence(path: Path) -> None:
    with Conversations(path) as kept:
        conversation = Conversation("local")
        kept.add(conversation, "Hi")
        kept.keep(conversation, fold(["Hello!"]))
        db = sqlite3.connect(path)
        db.execute("UPDATE turns SET reply = '{}'")
        db.commit()
        db.close()
        with pytest.raises(ConversationError, match="damaged"):
            kept.get()


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(ConversationError, match="cannot be used"):
        Conversations(tmp_path / "data" / "conversations.db")
