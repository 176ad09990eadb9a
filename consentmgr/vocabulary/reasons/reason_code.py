"""What a reason code is: a row of the rule pack, with its law and its words in fi, sv and en."""

from dataclasses import dataclass
from typing import Literal

from consentmgr.vocabulary.citations import cite
from consentmgr.vocabulary.codes import Language

Kind = Literal["gate", "block", "review", "block_or_review", "ground"]
Confidence = Literal["settled", "guidance", "design", "uncertain"]


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """One row of the rule pack.

    ``citation`` is compact (``SVPL 203; ePD 13(4)``): ``law(language)`` writes it out. ``confidence`` says how sure
    the law is, ``review_confidence`` the same of the cases the code only sends to review, where that differs.
    ``en``, ``fi``, ``sv`` are the sentences people see, in which ``{channel}`` stands for the banned channel;
    ``when_*`` is one precise account for a lawyer, of when the code fires and unless what. ``since`` is the rule pack
    that brought the code.
    """

    code: str
    stage: int
    kind: Kind
    confidence: tuple[Confidence, ...]
    citation: str
    en: str
    fi: str
    sv: str
    when_en: str
    when_fi: str
    when_sv: str
    review_confidence: tuple[Confidence, ...] = ()
    since: str = "2026.1"

    def text(self, language: Language) -> str:
        """The sentence of ``language``, ``{channel}`` not yet filled in."""
        return {"en": self.en, "fi": self.fi, "sv": self.sv}[language]

    def when(self, language: Language) -> str:
        """When the code fires, and unless what, for a reader of ``language``."""
        return {"en": self.when_en, "fi": self.when_fi, "sv": self.when_sv}[language]

    def law(self, language: Language) -> str:
        """The citation written out so that a reader of ``language`` can look it up."""
        return cite(self.citation, language)
