"""What a person would write with the client that openapi-python-client makes."""
import sys
from every_client import AuthenticatedClient, Client
from every_client.api.things import create_thing, delete_thing, get_thing, list_things, update_thing
from every_client.models import ListThingsArgs, ListThingsSortItem, Problem, ThingCreate, ThingUpdate

base, token = sys.argv[1:]
anyone = Client(base_url=base)
editor = AuthenticatedClient(base_url=base, token=token)

for n, plain in enumerate(["one", "two & three", "four"]):
    body = ThingCreate(plain=plain, code=f"AB{n}", whole=n, payload={"a": [n]}, price="2.50", huge="9007199254740993")
    made = create_thing.sync(client=editor, body=body)
    assert not isinstance(made, Problem), made
    assert made.payload == {"a": [n]} and made.huge == "9007199254740993", made

args = ListThingsArgs()
args["arg.text"] = "two & three"
page = list_things.sync(client=anyone, filter_="plain == arg.text", args=args, total=True)
assert page.total == 1 and page.items[0].plain == "two & three", page

page = list_things.sync(client=anyone, sort=[ListThingsSortItem("-plain"), ListThingsSortItem("id")], fields=["id", "plain", "whole"], expand=["maker"])
assert [row.plain for row in page.items] == ["two & three", "one", "four"], page

seen, cursor = [], None
while True:
    page = list_things.sync(client=anyone, limit=1, sort=[ListThingsSortItem("-whole")], **({"cursor": cursor} if cursor else {}))
    seen += [row.whole for row in page.items]
    cursor = page.next_
    if cursor is None:
        break
assert seen == [2, 1, 0], seen

row = page.items[0]
read = get_thing.sync_detailed(id=row.id, client=anyone)
tag = read.headers["ETag"]
changed = update_thing.sync(id=row.id, client=editor, body=ThingUpdate(mood=None, anything={"b": 1}), if_match=tag)
assert changed.anything == {"b": 1}, changed
stale = update_thing.sync_detailed(id=row.id, client=editor, body=ThingUpdate(whole=5), if_match=tag)
assert stale.status_code == 412 and stale.parsed.type_.value == "/problems/stale", stale
bad = create_thing.sync(client=editor, body=ThingCreate(plain="x", code="nope", whole=99, payload=1))
assert sorted(f.pointer for f in bad.errors) == ["/code", "/whole"], bad
for row in list_things.sync(client=anyone).items:
    assert delete_thing.sync_detailed(id=row.id, client=editor).status_code == 204
print("the Python client works")
