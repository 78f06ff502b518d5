// java Filters MISTAKE PORT: Tomcat's CorsFilter in Tomcat, Jetty's CrossOriginFilter in Jetty, with one mistake of CAUSES.md made on purpose.
import java.io.File;
import java.io.IOException;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.servlet.*;
import javax.servlet.http.*;

public class Filters {
    static final String A = "http://app.one.test:18901", B = "http://app.two.test:18902";
    static String own;

    public static class Items extends HttpServlet {
        @Override
        protected void service(HttpServletRequest request, HttpServletResponse answer) throws ServletException, IOException {
            if (request.getRequestURI().equals("/boom") && !request.getMethod().equals("OPTIONS")) throw new ServletException("boom");
            if (request.getMethod().equals("OPTIONS")) { super.service(request, answer); return; }
            answer.setContentType("application/json");
            answer.getWriter().print("{}");
        }
        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse answer) {}
    }

    public static class Login implements Filter {
        public void init(FilterConfig config) {}
        public void destroy() {}
        public void doFilter(ServletRequest request, ServletResponse answer, FilterChain chain) throws IOException, ServletException {
            if (((HttpServletRequest) request).getHeader("Cookie") == null) ((HttpServletResponse) answer).sendError(own.equals("forbidden") ? 403 : 401);
            else chain.doFilter(request, answer);
        }
    }

    static Map<String, String> options(String family) {
        String prefix = family.equals("tomcat") ? "cors.allowed." : "allowed", sep = family.equals("tomcat") ? "." : "";
        Map<String, String> all = new LinkedHashMap<>();
        all.put(prefix + (sep.isEmpty() ? "Origins" : "origins"), own.equals("origin") ? B : own.equals("slash") ? A + "/" : A + "," + B);
        all.put(prefix + (sep.isEmpty() ? "Methods" : "methods"), own.equals("methods") ? "GET,POST" : "GET,POST,PUT,DELETE,OPTIONS");
        all.put(prefix + (sep.isEmpty() ? "Headers" : "headers"), own.equals("headers") ? "accept" : "Content-Type,Origin,Accept,Access-Control-Request-Method,Access-Control-Request-Headers");
        if (sep.isEmpty()) { all.put("allowCredentials", own.equals("credentials") ? "false" : "true"); all.put("chainPreflight", own.equals("chained") ? "true" : "false"); }
        else all.put("cors.support.credentials", own.equals("credentials") ? "false" : "true");
        return all;
    }

    public static void main(String[] words) throws Exception {
        String family = words[0].substring(0, words[0].indexOf('_'));
        own = words[0].substring(family.length() + 1);
        int port = Integer.parseInt(words[1]);
        String pattern = own.equals("path") ? "/api/*" : "/*";
        boolean login = own.equals("auth") || own.equals("forbidden");
        if (family.equals("tomcat")) {
            org.apache.catalina.startup.Tomcat tomcat = new org.apache.catalina.startup.Tomcat();
            tomcat.setBaseDir("tomcat");
            new File("tomcat/webapps").mkdirs();
            org.apache.catalina.connector.Connector connector = new org.apache.catalina.connector.Connector();
            connector.setPort(port);
            connector.setProperty("address", "127.0.0.1");
            tomcat.setConnector(connector);
            org.apache.catalina.Context context = tomcat.addContext("", new File(".").getAbsolutePath());
            org.apache.catalina.startup.Tomcat.addServlet(context, "items", new Items());
            context.addServletMappingDecoded("/*", "items");
            if (login) filter(context, "login", Login.class.getName(), "/*", new LinkedHashMap<>());
            if (!own.equals("none")) filter(context, "cors", "org.apache.catalina.filters.CorsFilter", pattern, options(family));
            tomcat.start();
            tomcat.getServer().await();
        } else {
            org.eclipse.jetty.server.Server server = new org.eclipse.jetty.server.Server(new java.net.InetSocketAddress("127.0.0.1", port));
            org.eclipse.jetty.servlet.ServletContextHandler context = new org.eclipse.jetty.servlet.ServletContextHandler();
            context.addServlet(new org.eclipse.jetty.servlet.ServletHolder(new Items()), "/*");
            if (login) context.addFilter(Login.class, "/*", EnumSet.of(DispatcherType.REQUEST));
            if (!own.equals("none")) {
                org.eclipse.jetty.servlet.FilterHolder cors = new org.eclipse.jetty.servlet.FilterHolder(org.eclipse.jetty.servlets.CrossOriginFilter.class);
                options(family).forEach(cors::setInitParameter);
                context.addFilter(cors, pattern, EnumSet.of(DispatcherType.REQUEST));
            }
            server.setHandler(context);
            server.start();
            server.join();
        }
    }

    static void filter(org.apache.catalina.Context context, String name, String type, String pattern, Map<String, String> options) {
        org.apache.tomcat.util.descriptor.web.FilterDef def = new org.apache.tomcat.util.descriptor.web.FilterDef();
        def.setFilterName(name);
        def.setFilterClass(type);
        options.forEach(def::addInitParameter);
        context.addFilterDef(def);
        org.apache.tomcat.util.descriptor.web.FilterMap map = new org.apache.tomcat.util.descriptor.web.FilterMap();
        map.setFilterName(name);
        map.addURLPatternDecoded(pattern);
        context.addFilterMap(map);
    }
}
