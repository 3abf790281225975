"""Why a PowerShell script did not run to its end, by the id of its error record.

Ids are the same in every language of Windows; messages are not.
"""

from __future__ import annotations

from pytest_wfo.connect.errors import Reason, excerpt

# AMSI stops the whole script before any of it runs (about_Windows_PowerShell_5.1, antimalware).
_BLOCKED = ("ScriptContainedMaliciousContent", "ScriptHasAdminBlockedContent")

# What an endpoint without a language, or with the constrained one, says to a script.
_CONSTRAINED = (
    "ConstrainedLanguage", "NotSupportedInConstrained", "ScriptsNotAllowed", "NoLanguage",
    "LanguageModeNotAllowed", "ConversionSupportedOnlyToCoreTypes", "OnlySupportedOnCoreTypes",
    "DotSourceNotSupported",
)  # fmt: skip
_MEMORY = ("OutOfMemory", "InsufficientMemory")


def explain_script_error(error_id: str, message: str) -> tuple[Reason, str]:
    """The reason behind a terminating error with this FullyQualifiedErrorId, and words for it."""
    said = f"{excerpt(message)} [{excerpt(error_id, 120)}]" if error_id else excerpt(message)
    if any(word in error_id for word in _BLOCKED):
        return Reason.BLOCKED_BY_ANTIVIRUS, f"its antivirus blocked the script: {said}"
    if any(word in error_id for word in _CONSTRAINED):
        return Reason.CONSTRAINED_LANGUAGE, f"PowerShell is restricted for this user: {said}"
    if any(word in error_id for word in _MEMORY):
        return Reason.QUOTA, f"the memory quota of the session is too small: {said}"
    return Reason.SCRIPT_FAILED, f"the script failed: {said}"
