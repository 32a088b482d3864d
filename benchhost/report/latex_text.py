"""Text as LaTeX prints it: every character with a meaning escaped, every other one kept or named."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_CHARACTERS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # after a line's end, [ and * would be read as arguments of \\
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "−": "$-$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "∞": r"$\infty$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "§": r"\S{}",
    "²": "$^2$",
    "³": "$^3$",
    "⁺": "$^+$",
    "°": r"$^\circ$",
    "µ": r"$\mu$",
    "√": r"$\surd$",
    "‖": r"$\Vert$",
    "ℓ": r"$\ell$",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    **{
        greek: rf"$\{name}$"
        for name, greek in {
            "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
            "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
            "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
            "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ",
            "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
        }.items()
    },
}  # fmt: skip


def escape(text: str) -> str:
    """Text that LaTeX prints as it is; a character that no standard font has is named by its code point."""
    return "".join(_escaped(" ".join(text.split())))


def _escaped(text: str) -> Iterator[str]:
    previous = ""
    for character in unicodedata.normalize("NFC", text):
        if character in _CHARACTERS:
            yield _CHARACTERS[character]
        elif character == previous and character in "-,":
            yield f"{{}}{character}"  # two of these would become a dash or a quotation mark
        elif " " <= character <= "~" or "À" <= character <= "ſ":
            yield character
        else:
            yield f"{{[}}U+{ord(character):04X}{{]}}"
        previous = character
