import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;

/** Calls one after the other in Java: with HttpURLConnection ("connection"), or with java.net.http ("client"). */
public class Loop {
    static final HttpClient client = HttpClient.newHttpClient();

    static String withConnection(URI where, String body) throws Exception {
        HttpURLConnection call = (HttpURLConnection) where.toURL().openConnection();
        call.setRequestMethod("POST");
        call.setDoOutput(true);
        call.setRequestProperty("Content-Type", "application/json");
        call.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
        int status = call.getResponseCode();
        try (InputStream answer = status < 400 ? call.getInputStream() : call.getErrorStream()) {
            return status + " " + new String(answer.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    static String withClient(URI where, String body) throws Exception {
        HttpRequest call = HttpRequest.newBuilder(where).header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body)).build();
        HttpResponse<String> answer = client.send(call, HttpResponse.BodyHandlers.ofString());
        return answer.statusCode() + " " + answer.body();
    }

    public static void main(String[] arguments) throws Exception {
        URI where = URI.create(arguments[0] + "/chat/completions");
        for (int i = 0; i < 8; i++) {
            String prompt = "question " + i + (i == 4 ? "[[status=400]]" : "");
            String body = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" + prompt + "\"}]}";
            System.out.println(arguments[1].equals("client") ? withClient(where, body) : withConnection(where, body));
        }
    }
}
