"""Reading a real mailbox over IMAP: once each, filed where people find it, and nothing lost when a reading is cut."""

from __future__ import annotations

import logging
import threading
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from imapclient import IMAPClient
from sqlalchemy import text

from consentmgr.config import Settings
from consentmgr.kit.errors import Unavailable
from consentmgr.replies import mailbox as mailbox_module
from consentmgr.replies.jobs import read_mailbox
from consentmgr.replies.mailbox import Mailbox, MailboxAddress, open_mailbox
from consentmgr.replies.reading import read_all
from tests.conftest import RunCommand, RunProgram
from tests.replies.conftest import MESSAGES, NOW, MailServer, Post

SEEN = b"\\Seen"
FEW = (
    "bounce_postfix_user_unknown",
    "complaint_of_a_stranger",
    "auto_gmail_vacation",
    "leave_gmail_button",
    "reply_sv_iphone",
    "other_question",
)


def address_of(server: MailServer) -> MailboxAddress:
    address = MailboxAddress.of(Settings(data_folder=Path("unused"), imap_url=server.url))
    assert address is not None
    return address


def read(post: Post, server: MailServer) -> str:
    return read_mailbox(post.database, replace(post.settings, imap_url=server.url), post.keys, NOW)


def test_messages_are_taken_and_filed_by_kind_and_what_is_for_people_stays_unread(
    post: Post, mail_server: MailServer
) -> None:
    mail_server.deliver(*map(post.raw, FEW))
    assert read(post, mail_server) == (
        "6 messages taken: 1 auto_reply, 1 bounce_permanent, 1 complaint, 1 leave, 1 leave_proposal, 1 other"
    )
    assert mail_server.folders() == {
        "INBOX": [()],
        "Processed/Automatic": [(SEEN,)],
        "Processed/Bounces": [(SEEN,)],
        "Processed/Complaints": [(SEEN,)],
        "Processed/Left": [(SEEN,)],
        "Processed/Proposals": [()],
    }
    assert post.point("aino@posti.example") == ("hard_bounce", 0)
    assert [ban[1] for ban in post.bans()] == ["complaint", "self"]
    assert len(post.proposals()) == 1


def test_reading_again_finds_nothing_new(post: Post, mail_server: MailServer) -> None:
    mail_server.deliver(*map(post.raw, FEW))
    read(post, mail_server)
    before = post.unchanged()
    assert read(post, mail_server) == "no new messages"
    assert post.unchanged() == before


def test_many_messages_are_read_in_one_go(post: Post, mail_server: MailServer) -> None:
    names = sorted(path.stem for path in MESSAGES.glob("*.eml"))[::3]
    mail_server.deliver(*map(post.raw, names), b"\r\n")
    assert read(post, mail_server).startswith(f"{len(names) + 1} messages taken")
    left = [count for name, count in mail_server.folders().items() if name == "INBOX"]
    stays = post.rows("SELECT count(*) FROM read_message WHERE kind IN ('other', 'unreadable', 'complaint_unmatched')")
    assert [len(flags) for flags in left] == [stays[0][0]]
    assert post.rows("SELECT kind FROM read_message WHERE kind = 'unreadable'") == [("unreadable",)]


def test_a_message_opened_by_somebody_before_is_taken_all_the_same(post: Post, mail_server: MailServer) -> None:
    with mail_server.client() as client:
        client.append("INBOX", post.raw("leave_gmail_button"), flags=(SEEN,))
    assert read(post, mail_server) == "1 message taken: 1 leave"


def test_a_reading_killed_between_effect_and_filing_is_finished_by_the_next(
    post: Post, mail_server: MailServer, run_program: RunProgram
) -> None:
    mail_server.deliver(post.raw("bounce_exchange_mailbox_full"), post.raw("leave_gmail_button"))
    # The process ends as by a power cut when it is about to file its first message.
    ending = (
        "import os\n"
        "from consentmgr.replies import mailbox\n"
        "mailbox.Mailbox.file = lambda *_, **__: os._exit(9)\n"
        "from consentmgr.cli import main\n"
        "main(['replies', 'read'])\n"
    )
    killed = run_program(ending, CONSENTMGR_IMAP_URL=mail_server.url)
    assert killed.returncode == 9, killed.stderr
    assert post.point("aino@posti.example") == ("ok", 1)
    assert set(mail_server.folders()) == {"INBOX"}
    assert read(post, mail_server) == "1 message taken: 1 leave"
    assert post.point("aino@posti.example") == ("ok", 1)
    assert set(mail_server.folders()) == {"Processed/Bounces", "Processed/Left"}


def test_a_mailbox_that_numbers_its_messages_anew_brings_nothing_about_twice(
    post: Post, mail_server: MailServer
) -> None:
    names = ("bounce_exchange_mailbox_full", "complaint_named", "complaint_of_a_stranger", "reply_stop")
    for _ in range(2):
        # The second delivery has other numbers, as after a restored mailbox; the messages are the same.
        mail_server.deliver(*map(post.raw, names))
        read(post, mail_server)
    assert post.point("aino@posti.example") == ("ok", 1)
    assert len(post.entries("complaint")) == 1
    assert len(post.bans()) == 1
    assert len(post.proposals()) == 1


def test_two_readers_at_once_take_each_message_once(post: Post, mail_server: MailServer) -> None:
    for number in range(12):
        full = post.raw("bounce_exchange_mailbox_full").replace(b"<n2@", b"<m%d@" % number)
        mail_server.deliver(full, post.raw("complaint_of_a_stranger").replace(b"10:40:08", b"10:40:%02d" % number))
    told: list[str] = []
    start = threading.Barrier(2)

    def one() -> None:
        start.wait()
        told.append(read(post, mail_server))

    readers = [threading.Thread(target=one) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(told) == 2, told
    taken = [int(line.split()[0]) for line in told if line[0].isdigit()]
    assert sum(taken) == 24
    assert post.point("aino@posti.example") == ("ok", 12)
    assert len(post.bans()) == 12
    assert post.rows("SELECT count(*) FROM read_message") == [(24,)]
    assert "INBOX" not in mail_server.folders()


def test_a_message_that_is_too_large_is_left_with_a_note(
    post: Post, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mailbox_module, "MOST_BYTES", 100_000)
    mail_server.deliver(post.raw("other_question") + b"a" * 100_000, post.raw("leave_gmail_button"))
    with caplog.at_level(logging.WARNING):
        assert read(post, mail_server) == "2 messages taken: 1 leave, 1 too_large"
    assert "too large" in caplog.text
    assert len(mail_server.folders()["INBOX"]) == 1


def test_memory_does_not_grow_with_the_mailbox(post: Post, mail_server: MailServer) -> None:
    body = post.raw("other_question") + (b"0123456789abcdef" * 4 + b"\r\n") * 3_000
    mail_server.deliver(*(body + b"%d" % number for number in range(40)))
    address = address_of(mail_server)
    with open_mailbox(address) as mailbox:
        tracemalloc.start()
        read_all(post.database, mailbox, address.name, post.office)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 20 * len(body)


def test_an_effect_that_cannot_be_written_leaves_that_message_for_another_time_and_holds_up_no_other(
    post: Post, mail_server: MailServer
) -> None:
    mail_server.deliver(post.raw("leave_gmail_button"), post.raw("reply_stop"))
    journal = post.settings.data_folder / "journal"
    journal.write_bytes(b"not a folder")
    with pytest.raises(Unavailable, match="1 leave_proposal; 1 could not be taken and will be tried again"):
        read(post, mail_server)
    assert post.rows("SELECT kind FROM read_message") == [("leave_proposal",)]
    assert set(mail_server.folders()) == {"INBOX", "Processed/Proposals"}
    journal.unlink()
    assert read(post, mail_server) == "1 message taken: 1 leave"


def test_a_message_that_cannot_be_moved_is_taken_once_all_the_same(
    post: Post, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_server.deliver(post.raw("bounce_exchange_mailbox_full"), post.raw("complaint_named"))
    moved = IMAPClient.move

    def refusing(client: IMAPClient, uids: list[int], folder: str) -> object:
        return moved(client, uids, "No such folder" if folder.endswith("Bounces") else folder)

    monkeypatch.setattr(IMAPClient, "move", refusing)
    assert "1 could not be moved" in read(post, mail_server)
    assert "no new messages; 1 could not be moved" in read(post, mail_server)
    assert post.point("aino@posti.example") == ("ok", 1)
    assert len(post.entries("complaint")) == 1


def test_a_server_without_move_has_its_messages_copied_and_deleted(
    post: Post, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_server.deliver(post.raw("auto_gmail_vacation"))
    address = address_of(mail_server)
    with open_mailbox(address) as mailbox:
        has = mailbox._client.has_capability
        monkeypatch.setattr(mailbox._client, "has_capability", lambda name: name != "MOVE" and has(name))
        read_all(post.database, mailbox, address.name, post.office)
    assert mail_server.folders() == {"Processed/Automatic": [(SEEN,)]}


def test_a_wrong_password_and_a_server_that_is_away_are_told_without_a_secret(
    post: Post, mail_server: MailServer
) -> None:
    wrong = replace(post.settings, imap_url=mail_server.url.replace("nge@", "nger@"))
    with pytest.raises(Unavailable, match="does not accept the user or password") as refused:
        read_mailbox(post.database, wrong, post.keys, NOW)
    assert "nge" not in str(refused.value)
    mail_server.stop()
    with pytest.raises(Unavailable, match="cannot be reached") as away:
        read_mailbox(post.database, replace(wrong, imap_url=mail_server.url), post.keys, NOW)
    assert "nge" not in str(away.value)


def test_without_a_mailbox_there_is_nothing_to_do(post: Post) -> None:
    assert read_mailbox(post.database, post.settings, post.keys, NOW) == "no mailbox is set"


def test_nothing_of_a_message_or_a_password_is_logged(
    post: Post, mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    mail_server.deliver(*map(post.raw, FEW))
    with caplog.at_level(logging.DEBUG):
        read(post, mail_server)
    for private in ("posti.example", "Virtanen", "s%t/r@nge", "Poista", "Ta bort", post.office.links.mint(post.link)):
        assert private not in caplog.text


def test_the_name_of_a_mailbox_holds_no_password_and_neither_do_its_text_forms(mail_server: MailServer) -> None:
    address = address_of(mail_server)
    assert address.password == mail_server.PASSWORD
    assert address.name == f"replies@127.0.0.1:{mail_server.port}/INBOX"
    assert mail_server.PASSWORD not in repr(address) + address.name
    assert repr(Mailbox).count("@") == 0


def test_the_commands_read_take_and_list(
    post: Post, mail_server: MailServer, run_command: RunCommand, environment: dict[str, str], tmp_path: Path
) -> None:
    assert "CONSENTMGR_IMAP_URL is not set" in run_command("replies", "read", expect=3).stderr
    environment["CONSENTMGR_IMAP_URL"] = mail_server.url
    mail_server.deliver(post.raw("bounce_gmail_unknown"))
    assert run_command("replies", "read").stdout == "1 message taken: 1 bounce_permanent\n"
    file = tmp_path / "reply.eml"
    file.write_bytes(post.raw("reply_stop"))
    first, second = run_command("replies", "take", file, file).stdout.splitlines()
    assert "leave_proposal" in first
    assert "taken before" not in first
    assert "taken before" in second
    listed = run_command("replies", "list", "--kind", "leave_proposal").stdout
    assert "1  bounce_permanent" in listed
    assert "1  leave_proposal" in listed
    assert "posti.example" not in listed
    assert len(listed.splitlines()) == 3
    assert len(post.proposals()) == 1


def test_what_was_read_is_remembered_while_it_lies_in_the_folder_and_forgotten_long_after_it_left(
    post: Post, mail_server: MailServer
) -> None:
    mail_server.deliver(*map(post.raw, FEW))
    read(post, mail_server)

    def remembered() -> int:
        with post.database.connect() as connection:
            return int(connection.scalar(text("SELECT count(*) FROM read_message")) or 0)

    def read_after(days: int) -> None:
        read_mailbox(
            post.database, replace(post.settings, imap_url=mail_server.url), post.keys, NOW + timedelta(days=days)
        )

    assert remembered() == 6
    read_after(89)
    assert remembered() == 6
    read_after(91)
    # The one that is for people lies where it was, and is not taken a second time.
    assert remembered() == 1
    read_after(92)
    assert remembered() == 1
