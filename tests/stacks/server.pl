# perl server.pl MISTAKE PORT: Mojolicious, or Plack with its CrossOrigin middleware, with one mistake of CAUSES.md made on purpose.
use strict; use warnings;
my ($family, $own) = split /_/, $ARGV[0], 2;
my $port = $ARGV[1];
my ($A, $B) = ('http://app.one.test:18901', 'http://app.two.test:18902');

if ($family eq 'mojo') {
    require Mojolicious::Lite; Mojolicious::Lite->import;
    my $app = main::app();
    $app->log->level('fatal');
    $app->secrets(['x']);
    $app->mode('production');
    my $allow = sub { my $h = shift->res->headers; $h->header('Access-Control-Allow-Origin' => $A); $h->header('Access-Control-Allow-Methods' => 'GET, POST, PUT, DELETE'); $h->header('Access-Control-Allow-Headers' => 'Content-Type'); };
    $app->hook(after_dispatch => $allow) if $own eq 'options';
    $app->hook(before_dispatch => sub { my $c = shift; $c->render(json => {}, status => 401) unless $c->cookie('session') }) if $own eq 'auth';
    my $r = $app->routes;
    $r->any(['OPTIONS'] => '/*any' => sub { my $c = shift; $allow->($c); $c->rendered(204) }) if $own eq 'by_hand' || $own eq 'auth';
    for my $path ('/items', '/other') {
        $r->any([qw(GET POST PUT DELETE)] => $path => sub { my $c = shift; $allow->($c) if $own eq 'in_route' || ($own eq 'auth'); $c->render(json => {}) });
    }
    require Mojo::Server::Daemon;
    Mojo::Server::Daemon->new(app => $app, listen => ["http://127.0.0.1:$port"], silent => 1)->run;
} else {
    require Plack::Builder; Plack::Builder->import;
    require Plack::Loader;
    my $inner = sub { my $env = shift; my $path = $env->{PATH_INFO}; die "boom" if $path eq '/boom'; [200, ['Content-Type' => 'application/json'], ['{}']] };
    my %all = (origins => [$A, $B], methods => [qw(GET POST PUT DELETE)], headers => ['Content-Type'], credentials => 1);
    %all = (%all, origins => [$B]) if $own eq 'origin';
    %all = (%all, methods => [qw(GET POST)]) if $own eq 'methods';
    %all = (%all, headers => ['Accept']) if $own eq 'headers';
    %all = (%all, credentials => 0) if $own eq 'credentials';
    require Plack::Middleware::CrossOrigin;
    my $app = $own eq 'none' ? $inner : Plack::Middleware::CrossOrigin->wrap($inner, %all);
    if ($own eq 'path') { my $with = $app; $app = sub { my $env = shift; ($env->{PATH_INFO} eq '/items' ? $with : $inner)->($env) } }
    if ($own eq 'auth') { my $with = $app; $app = sub { my $env = shift; $env->{HTTP_COOKIE} ? $with->($env) : [401, ['Content-Type' => 'text/plain'], ['login']] } }
    Plack::Loader->load('Standalone', host => '127.0.0.1', port => $port, server_ready => sub {})->run($app);
}
