"""From answers to files: result, allowed rows, report and certificate, all at once or none.

``prepared`` writes everything under passing names and signs it; ``publish`` gives the names, the certificate's last.
In between the caller records the screening in the register: a certificate that exists can then always be found there,
and a file of allowed rows never exists without one. Source: formats.md section 3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

from consentmgr.kit.errors import BadInput
from consentmgr.kit.signing import SigningKey
from consentmgr.screening.answers import Answers
from consentmgr.screening.certificate import Certificate, sign_certificate
from consentmgr.screening.lists import CampaignList
from consentmgr.screening.outputs import Format, WrittenFile, format_of, write_allowed, write_results
from consentmgr.screening.pending_files import PendingFiles
from consentmgr.screening.relied_partners import Partner
from consentmgr.screening.report_page import report_page
from consentmgr.screening.reports import (
    ControllerFacts,
    OutputFile,
    ReportData,
    report_data,
    report_json,
    workbook_summary,
)
from consentmgr.vocabulary.codes import Language

_STANDARD_INPUT = "list"


@dataclass(frozen=True, slots=True)
class OutputPaths:
    """Where each file goes; ``result`` None is standard output, and the others None are not written."""

    result: Path | None
    format: Format
    allowed: Path | None = None
    report: Path | None = None
    report_json: Path | None = None
    certificate: Path | None = None


def output_paths(
    source: Path, output: str | None = None, *, fmt: Format | None = None, side_files: bool | None = None
) -> OutputPaths:
    """Where the files of a screening of ``source`` go.

    ``output`` is what was asked for: None is ``NAME.screened.csv`` beside the list (standard output for a list from
    standard input), ``-`` standard output, else a path whose ending says the format (``fmt`` overrules it). The other
    files stand beside the result; with standard output there are none unless ``side_files``, which then stand
    beside the list. Raises ``BadInput`` for an ending that is no format, and where a file would be the list itself.
    """
    from_stdin = str(source) == "-"
    if output is None and from_stdin:
        output = "-"
    beside = Path() if from_stdin else source.parent
    name = _STANDARD_INPUT if from_stdin else source.stem
    result = None
    if output is None:
        chosen = fmt or "csv"
        result = beside / f"{name}.screened.{chosen}"
    elif output == "-":
        chosen = fmt or "csv"
    else:
        result = Path(output)
        chosen = fmt or format_of(result)
        beside, name = result.parent, result.stem.removesuffix(".screened")
    if side_files is None:
        side_files = result is not None
    paths = OutputPaths(
        result,
        chosen,
        *(
            beside / f"{name}{ending}" if side_files else None
            for ending in (".allowed.csv", ".report.html", ".report.json", ".certificate.json")
        ),
    )
    if not from_stdin:
        _spare_the_list(source, paths)
    return paths


def _spare_the_list(source: Path, paths: OutputPaths) -> None:
    for path in (paths.result, paths.allowed, paths.report, paths.report_json, paths.certificate):
        if path is not None and path.exists() and source.exists() and path.samefile(source):
            raise BadInput("the list itself would be written over: name another output", file=path)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A screening whose files are written and signed and do not have their names yet."""

    report: ReportData
    certificate: Certificate
    _pending: PendingFiles

    def publish(self) -> None:
        """Give the files their names, all made to last; the certificate's comes last."""
        self._pending.publish()


@contextmanager
def prepared(
    lst: CampaignList,
    answers: Answers,
    paths: OutputPaths,
    *,
    language: Language,
    signing_key: SigningKey,
    controller: ControllerFacts | None = None,
    certificate_id: UUID | None = None,
    drop_duplicates: bool = False,
    partners: tuple[Partner, ...] = (),
    stdout: BinaryIO | None = None,
) -> Iterator[Prepared]:
    """Write and sign every file of a screening; what is not published when the context ends is taken away.

    A result for standard output goes straight to ``stdout``. Raises ``BadInput`` where a file cannot be written, the
    list was screened before, or it does not fit the format.
    """
    report = report_data(
        lst,
        answers,
        language=language,
        certificate_id=certificate_id or uuid4(),
        controller=controller,
        duplicates_dropped=drop_duplicates,
        partners=partners,
    )
    with PendingFiles() as pending:
        target: Path | BinaryIO
        if paths.result is not None:
            target = pending.path_for(paths.result)
        elif stdout is not None:
            target = stdout
        else:
            raise ValueError("a result needs a path or a stream")
        # Every passing name is made before the work, in the order in which the names are given at the end.
        allowed, report_file, json_file, certificate_file = (
            pending.path_for(path) if path is not None else None
            for path in (paths.allowed, paths.report, paths.report_json, paths.certificate)
        )
        name = paths.result.name if paths.result is not None else "-"
        summary = workbook_summary(report) if paths.format == "xlsx" else ()
        files = [OutputFile("input", lst.name, len(lst), None, lst.sha256)]
        # Joining text, hashing and writing need no Python, so that the allowed rows are written beside the result.
        with ThreadPoolExecutor(1, thread_name_prefix="write-allowed") as beside_it:
            sent = None
            if allowed is not None and paths.allowed is not None:
                sent = beside_it.submit(
                    write_allowed, lst, answers, allowed, name=paths.allowed.name, drop_duplicates=drop_duplicates
                )
            result = write_results(lst, answers, target, paths.format, name=name, summary=summary)
            files.append(_named("result", result))
            if sent is not None:
                files.append(_named("allowed", sent.result()))
        # The report names the files beside it, which have no hash while it is being made.
        beside = (("report", paths.report), ("report_json", paths.report_json), ("certificate", paths.certificate))
        told = report.with_files([*files, *(OutputFile(role, path.name) for role, path in beside if path is not None)])
        if report_file is not None and paths.report is not None:
            files.append(_text("report", paths.report.name, report_file, report_page(told).encode()))
        if json_file is not None and paths.report_json is not None:
            files.append(_text("report_json", paths.report_json.name, json_file, report_json(told)))
        certificate = sign_certificate(report.with_files(files), signing_key)
        if certificate_file is not None:
            certificate_file.write_bytes(certificate.document)
        yield Prepared(told, certificate, pending)


def _named(role: str, written: WrittenFile) -> OutputFile:
    return OutputFile(role, written.name, written.rows, written.bytes, written.sha256)


def _text(role: str, name: str, path: Path, content: bytes) -> OutputFile:
    path.write_bytes(content)
    return OutputFile(role, name, None, len(content), hashlib.sha256(content).hexdigest())
