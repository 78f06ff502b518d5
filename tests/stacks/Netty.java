// java Netty.java MISTAKE PORT: Netty with its CorsHandler and one mistake of CAUSES.md made on purpose.
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.*;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.*;
import io.netty.handler.codec.http.cors.*;

public class Netty {
    static final String A = "http://app.one.test:18901", B = "http://app.two.test:18902";

    static void answer(ChannelHandlerContext context, HttpResponseStatus status) {
        FullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, Unpooled.copiedBuffer("{}".getBytes()));
        response.headers().set("Content-Type", "application/json").set("Content-Length", 2);
        context.writeAndFlush(response);
    }

    static class Login extends SimpleChannelInboundHandler<FullHttpRequest> {
        protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
            if (request.headers().contains("Authorization")) context.fireChannelRead(request.retain()); else answer(context, HttpResponseStatus.UNAUTHORIZED);
        }
    }

    static class Items extends SimpleChannelInboundHandler<FullHttpRequest> {
        protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
            String path = request.uri().split("\\?")[0];
            answer(context, request.method().equals(HttpMethod.OPTIONS) ? HttpResponseStatus.NOT_IMPLEMENTED : path.equals("/boom") ? HttpResponseStatus.INTERNAL_SERVER_ERROR : HttpResponseStatus.OK);
        }
    }

    public static void main(String[] args) throws Exception {
        String own = args[0].substring("netty_".length());
        CorsConfigBuilder builder = own.equals("star") ? CorsConfigBuilder.forAnyOrigin() : own.equals("origin") || own.equals("short") ? CorsConfigBuilder.forOrigins(B) : CorsConfigBuilder.forOrigins(A, B);
        builder.allowedRequestHeaders(own.equals("headers") ? "accept" : "content-type");
        builder.allowedRequestMethods(own.equals("methods") ? new HttpMethod[] {HttpMethod.GET, HttpMethod.POST} : new HttpMethod[] {HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.DELETE});
        if (!own.equals("credentials") && !own.equals("star")) builder.allowCredentials();
        if (own.equals("short")) builder.shortCircuit();
        CorsConfig config = builder.build();
        NioEventLoopGroup group = new NioEventLoopGroup(1);
        new ServerBootstrap().group(group).channel(NioServerSocketChannel.class).childHandler(new ChannelInitializer<Channel>() {
            protected void initChannel(Channel channel) {
                channel.pipeline().addLast(new HttpServerCodec(), new HttpObjectAggregator(1 << 20));
                if (own.equals("auth")) channel.pipeline().addLast(new Login());
                if (!own.equals("none")) channel.pipeline().addLast(new CorsHandler(config));
                channel.pipeline().addLast(new Items());
            }
        }).bind("127.0.0.1", Integer.parseInt(args[1])).sync().channel().closeFuture().sync();
    }
}
