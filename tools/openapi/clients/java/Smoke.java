import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.ApiResponse;
import org.openapitools.client.api.ThingsApi;
import org.openapitools.client.model.*;

/** What a person would write with the Java client (library native) that openapi-generator makes. */
public class Smoke {
  /** The generated client writes an object in a query as its toString: this one is JSON, which the server takes. */
  static class Arguments extends TreeMap<String, String> {
    @Override public String toString() {
      try {
        return ApiClient.createDefaultObjectMapper().writeValueAsString(this);
      } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  static void check(boolean ok, Object what) { if (!ok) throw new AssertionError(String.valueOf(what)); }

  public static void main(String[] args) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(args[0]);
    client.setRequestInterceptor(r -> r.header("Authorization", "Bearer " + args[1]));
    ThingsApi api = new ThingsApi(client);
    int n = 0;
    for (String plain : List.of("one", "two & three")) {
      Thing made = api.createThing(new ThingCreate().plain(plain).code("AB" + n).whole((long) n++).payload(Map.of("a", 1)).huge("9007199254740993"));
      check(made.getHuge().equals("9007199254740993"), made);
    }
    Arguments arguments = new Arguments();
    arguments.put("text", "two & three");
    ThingList page = api.listThings("plain == arg.text", arguments, null, 5, null, true, null, null);
    check(page.getTotal() == 1, page);
    page = api.listThings(null, null, List.of("-plain", "id"), null, null, null, List.of("id", "plain"), List.of("maker"));
    check(page.getItems().get(0).getPlain().equals("two & three"), page);
    var id = page.getItems().get(0).getId();
    ApiResponse<ThingPart> read = api.getThingWithHttpInfo(id, null, null, null);
    String tag = read.getHeaders().get("ETag").get(0);
    Thing changed = api.updateThing(id, new ThingUpdate().anything(Map.of("b", 1)).mood(null), tag);
    try {
      api.updateThing(id, new ThingUpdate().whole(1L), tag);
      throw new AssertionError("a stale tag was taken");
    } catch (ApiException e) {
      check(e.getCode() == 412, e);
    }
    for (ThingPart row : api.listThings(null, null, null, null, null, null, null, null).getItems()) {
      api.deleteThing(row.getId(), null);
    }
    System.out.println("the Java client works");
  }
}
