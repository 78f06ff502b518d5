# perl fourth.pl MISTAKE PORT: Dancer2 or Catalyst with one mistake of CAUSES.md made on purpose.
use strict; use warnings;
our ($family, $own) = split /_/, $ARGV[0], 2;
our $port = $ARGV[1];
our ($A, $B) = ('http://app.one.test:18901', 'http://app.two.test:18902');
our @lists = ('Access-Control-Allow-Methods' => 'GET, POST, PUT, DELETE', 'Access-Control-Allow-Headers' => 'Content-Type');

package Dancing {
    use Dancer2 appname => 'Dancing';
    set logger => 'Null'; set serializer => 'JSON'; set startup_info => 0;
    my $allow = sub { response_header(shift() => shift()) while @_ };
    hook before => sub {
        response_header('Access-Control-Allow-Origin' => $main::A) if $main::own =~ /^(before|options|headers)$/;
        if ($main::own eq 'login' && !request->header('Authorization')) { status 401; halt({ error => 'Unauthorized' }) }
    };
    hook after => sub { $_[0]->header('Access-Control-Allow-Origin' => $main::own eq 'origin' ? $main::B : $main::A) if $main::own =~ /^(after|origin|login)$/ };
    if ($main::own =~ /^(options|headers|login|origin)$/) {
        options qr{.*} => sub { my @l = @main::lists; splice @l, 2 if $main::own eq 'headers'; while (my ($k, $v) = splice @l, 0, 2) { response_header($k => $v) } return {} };
    }
    for my $path ('/items', '/other') { any ['get', 'post', 'put', 'del'] => $path => sub { return { ok => 1 } } }
    get '/boom' => sub { die 'boom' };
}

if ($family eq 'dancer') {
    require Plack::Runner;
    my $runner = Plack::Runner->new;
    $runner->parse_options('--host', '127.0.0.1', '--port', $port, '--env', 'deployment', '--access-log', '/dev/null');
    $runner->run(Dancing->to_app);
} else {
    package Cat { use Catalyst::Runtime 5.90; use parent 'Catalyst'; }
    package Cat::Controller::Root {
        use parent 'Catalyst::Controller';
        __PACKAGE__->config(namespace => '');
        sub auto :Private {
            my ($self, $c) = @_;
            if ($main::own eq 'login' && !$c->req->header('Authorization')) { $c->res->status(403); $c->res->body('Forbidden'); return 0 }
            my $origin = $main::own eq 'origin' ? $main::B : $main::A;
            $c->res->header('Access-Control-Allow-Origin' => $origin) if $main::own ne 'none';
            $c->res->header(@main::lists) if $main::own ne 'lists' && $main::own ne 'none' && $c->req->method eq 'OPTIONS';
            return 1;
        }
        sub items :Path('/items') { my ($self, $c) = @_; $c->res->content_type('application/json'); $c->res->body('{}') }
        sub boom :Path('/boom') { die 'boom' }
        sub default :Path { my ($self, $c) = @_; $c->res->status(404); $c->res->body('not found') }
    }
    $INC{'Cat/Controller/Root.pm'} = 1;
    Cat->config(name => 'Cat', home => '.', disable_component_resolution_regex_fallback => 1);
    Cat->log->disable('error', 'debug', 'warn', 'info', 'fatal') if Cat->can('log') && Cat->log;
    Cat->setup;
    require Plack::Runner;
    my $runner = Plack::Runner->new;
    $runner->parse_options('--host', '127.0.0.1', '--port', $port, '--env', 'deployment', '--access-log', '/dev/null');
    $runner->run(Cat->psgi_app);
}
