"""What a person would write with the Python client that openapi-generator makes."""
import sys
import openapi_client as oc
base, token = sys.argv[1:]
api = oc.ThingsApi(oc.ApiClient(oc.Configuration(host=base, access_token=token)))
for n, plain in enumerate(["one", "two & three"]):
    api.create_thing(oc.ThingCreate(plain=plain, code=f"AB{n}", whole=n, payload={"a": [n]}))
page = api.list_things(filter="plain == arg.text", args={"arg.text": "two & three"}, sort=["-plain", "id"], fields=["id", "plain"], limit=5)
assert len(page.items) == 1, page
page = api.list_things(sort=["-plain", "id"], expand=["maker"])
assert [row.plain for row in page.items] == ["two & three", "one"]
row = page.items[0]
read = api.get_thing_with_http_info(row.id)
tag = read.headers["ETag"]
changed = api.update_thing(row.id, oc.ThingUpdate(anything={"b": 1}, mood=None), if_match=tag)
assert changed.anything == {"b": 1}
try:
    api.update_thing(row.id, oc.ThingUpdate(whole=1), if_match=tag)
    raise SystemExit("a stale tag was taken")
except oc.ApiException as e:
    assert e.status == 412
for row in page.items:
    api.delete_thing(row.id)
print("the openapi-generator Python client works")
