"""How telephone numbers are written in the countries we know well; data, no code.

Sources: the numbering plans of SUBTEL (Chile), ENACOM (Argentina) and Anatel (Brazil). A country without an
entry here is read by libphonenumber alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPlan:
    """One country. Patterns are regular expressions that match a whole string of digits."""

    code: str
    """Country calling code."""
    mobile: str
    """International digits, code included, that take an SMS."""
    fixed: str
    bare: str = ""
    """Digits typed without `+` or 00 that are international all the same."""
    rewrites: tuple[tuple[str, str], ...] = ()
    """National digits, trunk 0 dropped -> international; first match wins. None: libphonenumber reads them."""
    extension: str = ""
    """What starts an extension, which is dropped with all that follows."""


PLANS: dict[str, NumberPlan] = {
    "CL": NumberPlan(
        code="56",
        mobile=r"569[2-9]\d{7}",
        fixed=r"56(?:2[23]\d{7}|(?:3[2-5]|4[1-35]|5[123578]|6[13-5]|67|7[1-35])[23]\d{6})",
        bare=r"56\d{9}|5[45]\d{10,11}",
        # Old mobiles had 8 digits until 2013 and live on in every CRM.
        rewrites=((r"(\d{9})", r"56\1"), (r"([4-9]\d{7})", r"569\1")),
        extension=r"anexo|anx|ext",
    ),
    "AR": NumberPlan(
        code="54",
        mobile=r"549\d{10}",
        fixed=r"54(?![68]\d0)\d{10}",
        bare=r"549?\d{10}",
        extension=r"int|ext",
    ),
    "BR": NumberPlan(
        code="55",
        mobile=r"55\d{2}9\d{8}",
        fixed=r"55\d{2}[2-5]\d{7}",
        bare=r"55\d{10,11}",
        extension=r"ramal|ext",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A telephone number that exists in its country's plan."""

    e164: str
    country: str
    """ISO 3166 code."""
    mobile: bool
    """Takes an SMS. Where the plan does not tell fixed from mobile, True: receipts teach the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRefused:
    """Why a text is no telephone number; carries nothing of the text.

    letters, empty, length, placeholder, country_or_length, not_a_number_of_<region>
    """

    reason: str
