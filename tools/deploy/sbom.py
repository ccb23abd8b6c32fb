"""Judges an SBOM by the schema of CycloneDX."""

import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

validator = JsonStrictValidator(SchemaVersion.V1_6)
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    fault = validator.validate_str(text)
    if fault:
        sys.exit(f"{path}: {fault}")
    if not validator.validate_str(text.replace('"bomFormat"', '"bomFormt"', 1)):
        sys.exit("the validator takes a misspelt member")
    print(f"the SBOM is valid, with {text.count('bom-ref')} components")
