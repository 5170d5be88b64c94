"""Judges manifests: YAML on standard input, and the same as JSON on standard output if all is allowed.

Kubernetes' own kinds are held to its published schemas, in each version that is an argument, and custom
ones to the schema beside this file that has their name. A field that a schema does not know is an error.
"""

import json
import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml

CUSTOM = ("cert-manager.io/v1", "monitoring.coreos.com/v1")
SCHEMAS = pathlib.Path(__file__).parent / "schemas"


def judge(manifest, versions):
    if manifest["apiVersion"] in CUSTOM:
        schema = json.loads((SCHEMAS / (manifest["kind"] + ".json")).read_text())
        jsonschema.Draft202012Validator(schema).validate(manifest)
        return
    for version in versions:
        # It takes the newest that it has in place of one that it does not know.
        if kubernetes_validate.validate(manifest, version, strict=True) != version:
            raise ValueError(f"no schemas of Kubernetes {version}")


manifests = [manifest for manifest in yaml.safe_load_all(sys.stdin) if manifest]
refused = False
for manifest in manifests:
    try:
        judge(manifest, sys.argv[1:])
    except Exception as error:
        refused = True
        where = ".".join(str(step) for step in getattr(error, "path", []))
        what = getattr(error, "message", error)
        print(f"{manifest['kind']} {manifest['metadata']['name']}: {where}: {what}", file=sys.stderr)
if refused:
    sys.exit(1)
json.dump(manifests, sys.stdout)
