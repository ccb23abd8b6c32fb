"""Signs and verifies with the library of Standard Webhooks for Python. It reads a question per line and writes an answer per
line, see TestPeersAgree."""

import json
import sys
from datetime import datetime, timezone

from standardwebhooks.webhooks import Webhook


def reply(q):
    if q["operation"] == "name":
        return {"name": "Python"}
    library = Webhook(q["key"])
    if q["operation"] == "sign":
        at = datetime.fromtimestamp(q["timestamp"], tz=timezone.utc)
        return {"signature": library.sign(msg_id=q["id"], timestamp=at, data=q["body"])}
    try:
        library.verify(q["body"], q["headers"], json_parse=False)
        return {"verified": True}
    except Exception:  # it raises several kinds for one reason
        return {"verified": False}


for line in sys.stdin:
    print(json.dumps(reply(json.loads(line))), flush=True)
