"""What a person types for somebody's telephone or e-mail, as the record finds it."""

from __future__ import annotations

import re

from outreach.addresses import normalise_email, normalise_phone
from outreach.entry.cli.command import Context
from outreach.model.numbering import Phone

_E164 = re.compile(r"\+[1-9]\d{6,14}")


def hashes(context: Context, typed: str) -> list[bytes]:
    """Every hash under which what was typed may stand now, in any spelling; none if it is no address.

    An E.164 number is also looked for as it stands, valid or not: plans change, and a record keeps what it was given.
    """
    phone = normalise_phone(typed, region=context.settings.company.country)
    bare = "".join(typed.split())
    found = {
        phone.e164 if isinstance(phone, Phone) else None,
        bare if _E164.fullmatch(bare) else None,
        normalise_email(typed),
    }
    keyring = context.keyring
    return [each for address in found if address for each in keyring.standing(address)]
