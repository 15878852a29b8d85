"""What a package of grants has to be: the 360Giving schema as it is published, and our own stricter rules."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

_FOLDER: Final = Path(__file__).parent / "data" / "360giving"
_DATE_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}([.]\d+)?(Z|[+-]\d{2}:\d{2})", re.ASCII)

# jsonschema looks at these two formats only where further packages are installed, and says nothing where they are not.
_formats: Final = FormatChecker()


@_formats.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    datetime.fromisoformat(value)
    return _DATE_TIME.fullmatch(value) is not None


@_formats.checks("uri", raises=ValueError)
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme and urlsplit(value).netloc)


def _read(name: str) -> Any:
    return json.loads((_FOLDER / name).read_text())


def _published() -> Draft202012Validator:
    # The package's schema refers to that of a grant by the address under which it is published; nothing is fetched.
    # Both name their dialect by http:, where JSON Schema itself says https:, so it is named here.
    grant = DRAFT202012.create_resource(_read("360-giving-schema.json"))
    registry: Registry[Any] = Registry().with_resource(grant.id() or "", grant)
    return Draft202012Validator(_read("360-giving-package-schema.json"), registry=registry, format_checker=_formats)


PUBLISHED: Final = _published()
OWN_RULES: Final = Draft202012Validator(_read("package-rules.schema.json"), format_checker=_formats)


def complaints(validator: Draft202012Validator, package: Any) -> list[str]:
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(package)]
