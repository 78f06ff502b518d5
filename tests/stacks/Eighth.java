// java Eighth MISTAKE PORT: the JDK's own HTTP server, by hand, with one mistake of CAUSES.md made on purpose.
import com.sun.net.httpserver.*;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

public class Eighth {
    static final String A = "http://app.one.test:18901", B = "http://app.two.test:18902";

    public static void main(String[] args) throws IOException {
        String own = args[0].substring(args[0].indexOf('_') + 1);
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[1])), 0);
        server.setExecutor(Executors.newFixedThreadPool(8));
        for (String path : new String[] {"/items", "/other", "/me"}) {
            HttpContext context = server.createContext(path, exchange -> answer(own, path, exchange));
            if (own.equals("basic") && path.equals("/items")) {
                context.setAuthenticator(new BasicAuthenticator("x") {
                    public boolean checkCredentials(String user, String password) { return false; }
                });
            }
        }
        server.start();
    }

    static void answer(String own, String path, HttpExchange exchange) throws IOException {
        String method = exchange.getRequestMethod(), origin = exchange.getRequestHeaders().getFirst("Origin");
        boolean options = method.equals("OPTIONS");
        Headers headers = exchange.getResponseHeaders();
        if (own.equals("throws") && path.equals("/other") && !options) throw new IllegalStateException("the connection is closed");
        if (own.equals("verbs") && options) { say(exchange, 405, ""); return; }
        if (!own.equals("none") && (B.equals(origin) || (A.equals(origin) && !own.equals("list")))) headers.set("Access-Control-Allow-Origin", origin);
        if (options && !own.equals("none")) {
            headers.set("Access-Control-Allow-Methods", "GET, POST, OPTIONS".concat(own.equals("posts") ? "" : ", PUT, DELETE"));
            headers.set("Access-Control-Allow-Headers", "Content-Type");
            exchange.sendResponseHeaders(204, -1);
            return;
        }
        headers.set("Content-Type", "application/json");
        say(exchange, 200, "{\"ok\":true}");
    }

    static void say(HttpExchange exchange, int status, String body) throws IOException {
        exchange.sendResponseHeaders(status, body.isEmpty() ? -1 : body.length());
        exchange.getResponseBody().write(body.getBytes());
        exchange.close();
    }
}
