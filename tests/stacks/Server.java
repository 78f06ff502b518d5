// java Server.java MISTAKE PORT: Spring MVC in Jetty with one mistake of CAUSES.md made on purpose.
import java.util.*;
import javax.servlet.*;
import javax.servlet.http.*;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.*;
import org.springframework.context.support.StaticApplicationContext;
import org.springframework.web.bind.annotation.*;
import org.springframework.web.context.support.StaticWebApplicationContext;
import org.springframework.web.cors.*;
import org.springframework.web.filter.CorsFilter;
import org.springframework.web.servlet.DispatcherServlet;
import org.springframework.web.servlet.mvc.HttpRequestHandlerAdapter;
import org.springframework.web.servlet.mvc.method.annotation.*;

public class Server {
    static final String A = "http://app.one.test:18901", B = "http://app.two.test:18902";

    @RestController
    public static class Items {
        @RequestMapping({"/items", "/api/items", "/other"})
        public byte[] items() { return "{}".getBytes(); }

        @RequestMapping("/broken")
        public byte[] broken() { throw new IllegalStateException("broken"); }
    }

    public static void main(String[] args) throws Exception {
        String own = args[0].substring("spring_".length());
        CorsConfiguration open = new CorsConfiguration();
        open.setAllowedOrigins(own.equals("origin") ? List.of(B) : own.equals("star") ? List.of("*") : own.equals("slash") ? List.of(A + "/") : List.of(A, B));
        open.setAllowedMethods(own.equals("methods") ? List.of("GET", "POST") : List.of("GET", "POST", "PUT", "DELETE"));
        open.setAllowedHeaders(own.equals("headers") ? List.of("content-type") : List.of("*"));
        open.setAllowCredentials(!own.equals("credentials") && !own.equals("star"));
        StaticWebApplicationContext context = new StaticWebApplicationContext();
        context.registerSingleton("items", Items.class);
        context.registerSingleton("adapter", RequestMappingHandlerAdapter.class);
        context.registerSingleton("preflights", HttpRequestHandlerAdapter.class);
        RequestMappingHandlerMapping mapping = new RequestMappingHandlerMapping();
        boolean filter = own.equals("auth") || own.equals("forbidden") || own.equals("filter") || own.equals("crash");
        if (!filter) mapping.setCorsConfigurations(Map.of(own.equals("path") ? "/api/**" : "/**", open));
        context.getBeanFactory().registerSingleton("dummy", "dummy");
        ServletContextHandler handler = new ServletContextHandler();
        handler.addServlet(new ServletHolder(new DispatcherServlet(context) {
            @Override protected void initStrategies(org.springframework.context.ApplicationContext c) {
                mapping.setApplicationContext(c);
                mapping.afterPropertiesSet();
                context.getBeanFactory().registerSingleton("mapping", mapping);
                super.initStrategies(c);
            }
        }), "/*");
        if (own.equals("auth") || own.equals("forbidden") || own.equals("crash")) handler.addFilter(new FilterHolder(new Filter() {
            public void init(FilterConfig c) {}
            public void destroy() {}
            public void doFilter(ServletRequest q, ServletResponse s, FilterChain chain) throws java.io.IOException, ServletException {
                HttpServletRequest request = (HttpServletRequest) q;
                if (own.equals("crash")) {
                    if (request.getRequestURI().equals("/other") && !request.getMethod().equals("OPTIONS")) throw new IllegalStateException("early");
                } else if (request.getHeader("Cookie") == null) {
                    ((HttpServletResponse) s).sendError(own.equals("auth") ? 401 : 403);
                    return;
                }
                chain.doFilter(q, s);
            }
        }), "/*", EnumSet.of(DispatcherType.REQUEST));
        if (filter) {
            UrlBasedCorsConfigurationSource source = new UrlBasedCorsConfigurationSource();
            source.registerCorsConfiguration("/**", open);
            handler.addFilter(new FilterHolder(new CorsFilter(source)), "/*", EnumSet.of(DispatcherType.REQUEST));
        }
        org.eclipse.jetty.server.Server server = new org.eclipse.jetty.server.Server();
        ServerConnector connector = new ServerConnector(server, new org.eclipse.jetty.server.HttpConnectionFactory(new org.eclipse.jetty.server.HttpConfiguration() {{ setSendServerVersion(!own.equals("filter")); }}));
        connector.setHost("127.0.0.1");
        connector.setPort(Integer.parseInt(args[1]));
        server.addConnector(connector);
        server.setHandler(handler);
        server.start();
    }
}
