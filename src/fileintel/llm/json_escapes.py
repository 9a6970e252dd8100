"""Backslashes in JSON as models write them: LaTeX commands and Windows paths with one backslash where JSON wants two.

`\\beta` would be read as a backspace and `eta`, `C:\\new` as a line break and `ew`; other commands (`\\alpha`) make the
JSON unsound. An escape that a text can hold for good reasons (a line break, a tab, a quote) stays as it is.
"""

import re

# LaTeX commands whose first letter makes a valid escape of JSON
_COMMANDS = (
    "backslash|bar|because|begin|beta|between|bf|big|bigcap|bigcup|bigoplus|bigotimes|binom|blacksquare|bm|bmod|"
    "bold|boldmath|boldsymbol|bot|bowtie|box|boxed|breve|bullet|fbox|flat|font|footnote|forall|frac|frown|nabla|"
    "natural|ncong|nearrow|neg|neq|newcommand|newline|nexists|ngeq|nleftarrow|nleq|nmid|nolimits|nonumber|norm|"
    "normalsize|not|notin|nparallel|nrightarrow|nsubseteq|nwarrow|raisebox|rangle|rbrace|rbrack|rceil|ref|"
    "rfloor|rho|right|rightarrow|rightharpoonup|rightleftharpoons|root|rtimes|rule|rvert|rVert|tabular|tag|tan|"
    "tanh|tau|tbinom|text|textbf|textit|textrm|textsc|textsf|textstyle|texttt|textwidth|tfrac|therefore|theta|"
    "thickapprox|tilde|times|tiny|title|top|triangle|triangleleft|triangleq|triangleright|twoheadrightarrow"
)
_IN_FORMULAS = "ne|ni|nu|rm|to"  # behind a line break or a tab, "e", "i", "u" and "o" are words too
_ESCAPE = re.compile(
    r"""(?P<path>(?<![A-Za-z\\])[A-Za-z]:(?:\\(?!\\)[^\\\s"'<>|:*?,;]+)+)"""
    r"""|(?P<sound>\\\\|\\["/]|\\u[0-9A-Fa-f]{4})"""
    rf"""|(?P<command>\\(?:{_COMMANDS})(?![A-Za-z]))"""
    rf"""|(?P<formula>\\(?:{_IN_FORMULAS})(?![A-Za-z]))"""
    r"""|(?P<control>\\[bfnrt])"""
    r"""|(?P<apostrophe>\\')"""
    r"""|(?P<other>\\(?=.))""",
    re.DOTALL,
)
_SEGMENT = re.compile(r"\\(.)(.?)")
_SOUND_CODE = re.compile(r"\\u[0-9A-Fa-f]{4}")


def with_sound_escapes(text: str) -> str:
    """JSON in which each backslash that was meant as one is doubled; sound JSON of ordinary text stays as it is."""
    if "\\" not in text:
        return text
    has_formulas = "$" in text or "\\(" in text
    return _ESCAPE.sub(lambda match: _mended(match, has_formulas), text)


def _mended(match: re.Match[str], has_formulas: bool) -> str:
    found, kind = match.group(), match.lastgroup
    if kind == "apostrophe":
        return "'"
    if kind == "path":
        return found.replace("\\", "\\\\") if _is_path(found) else found[:2] + with_sound_escapes(found[2:])
    is_meant = kind in ("command", "other") or (kind == "formula" and has_formulas)
    return f"\\{found}" if is_meant else found


def _is_path(found: str) -> bool:
    """Return whether what stands behind a letter and a colon are names of folders, and not lines: "A:\\nBob"."""
    segments = _SEGMENT.findall(found)
    sound = [(first, second) for first, second in segments if first in "bfnrt"]
    if _SOUND_CODE.search(found) or (len(segments) == 1 and sound):
        return False
    return all(second.islower() or second.isdigit() for _, second in sound)
