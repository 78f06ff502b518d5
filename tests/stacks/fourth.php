<?php // MISTAKE=… php -S ADDRESS fourth.php: Slim, Lumen or Symfony's kernel with one mistake of CAUSES.md made on purpose.
[$family, $own] = explode('_', getenv('MISTAKE'), 2);
const A = 'http://app.one.test:18901', B = 'http://app.two.test:18902', METHODS = ['GET', 'POST', 'PUT', 'DELETE'];
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', '0');
$_SERVER['SCRIPT_NAME'] = '/index.php'; // as a web server has it that sends every path there

// as Slim's guide has it: "lazy CORS"
function slim($own) {
    require 'Slim/autoload.php';
    $app = new Slim\App(['settings' => ['displayErrorDetails' => false, 'determineRouteBeforeAppMiddleware' => false]]);
    $ok = fn($request, $response) => $response->withJson(['ok' => true]);
    if ($own !== 'lazy') { $app->options('/{routes:.+}', fn($request, $response) => $response); }
    $cors = function ($request, $response, $next) use ($own) {
        $response = $next($request, $response);
        $origin = ['origin' => 'http://mysite', 'two' => in_array($request->getHeaderLine('Origin'), [B]) ? B : null, 'slash' => A . '/'][$own] ?? A;
        if ($own === 'two' && $request->getHeaderLine('Origin') !== B) { return $response; }
        $response = $response->withHeader('Access-Control-Allow-Origin', $origin);
        if ($own !== 'headers') { $response = $response->withHeader('Access-Control-Allow-Headers', 'X-Requested-With, Content-Type, Accept, Origin, Authorization'); }
        return $own === 'simple' ? $response : $response->withHeader('Access-Control-Allow-Methods', $own === 'methods' ? 'GET, POST' : 'GET, POST, PUT, DELETE, PATCH, OPTIONS');
    };
    if ($own === 'route') { $app->map(METHODS, '/items', $ok)->add($cors); } else { if ($own !== 'none') { $app->add($cors); } $app->map(METHODS, '/items', $ok); }
    if ($own === 'token') { $app->add(fn($request, $response, $next) => $request->hasHeader('Authorization') ? $next($request, $response) : $response->withStatus(401)->withJson(['status' => 'error', 'message' => 'Token not found'])); }
    $app->map(METHODS, '/other', $ok);
    $app->get('/boom', function () { throw new RuntimeException('boom'); });
    $app->run();
}

function lumen($own) {
    require 'Laravel/Lumen/autoload.php';
    $app = new Laravel\Lumen\Application(getcwd());
    $app->singleton(Illuminate\Contracts\Debug\ExceptionHandler::class, Laravel\Lumen\Exceptions\Handler::class);
    $app->singleton(Illuminate\Contracts\Console\Kernel::class, Laravel\Lumen\Console\Kernel::class);
    $headers = ['Access-Control-Allow-Origin' => $own === 'origin' ? B : A, 'Access-Control-Allow-Methods' => 'POST, GET, OPTIONS, PUT, DELETE', 'Access-Control-Allow-Headers' => $own === 'headers' ? 'X-Requested-With' : 'Content-Type, Authorization, X-Requested-With'];
    app()->instance('cors', function ($request, $next) use ($own, $headers) {
        if ($request->isMethod('OPTIONS') && $own !== 'options') { return response()->json('{"method":"OPTIONS"}', 200, $headers); }
        $response = $next($request);
        foreach ($headers as $key => $value) { $response->header($key, $value); }
        return $response;
    });
    $layer = new class { public function handle($request, $next) { return app('cors')($request, $next); } };
    $auth = new class { public function handle($request, $next) { return $request->header('Authorization') ? $next($request) : response('Unauthorized.', 401); } };
    $app->instance('Cors', $layer);
    $app->instance('Login', $auth);
    if ($own === 'auth') { $app->middleware(['Login', 'Cors']); } elseif ($own === 'route') { $app->routeMiddleware(['cors' => 'Cors']); } elseif ($own !== 'none') { $app->middleware(['Cors']); }
    foreach (['items', 'other'] as $path) {
        foreach (['get', 'post', 'put', 'delete'] as $verb) { $app->router->$verb($path, ['middleware' => $own === 'route' && $path === 'items' ? ['cors'] : [], fn() => response()->json(['ok' => true])]); }
    }
    $app->router->get('boom', function () { throw new RuntimeException('boom'); });
    $app->run();
}

// a listener on kernel.response, as answers on the web have it
function symfony($own) {
    require 'Symfony/Bundle/FrameworkBundle/autoload.php';
    $routes = new Symfony\Component\Routing\RouteCollection();
    $ok = fn() => new Symfony\Component\HttpFoundation\JsonResponse(['ok' => true]);
    foreach (['/items', '/other', '/api/items'] as $path) { $routes->add($path, new Symfony\Component\Routing\Route($path, ['_controller' => $ok], [], [], '', [], METHODS)); }
    $routes->add('boom', new Symfony\Component\Routing\Route('/boom', ['_controller' => function () { throw new RuntimeException('boom'); }]));
    $routes->add('denied', new Symfony\Component\Routing\Route('/denied', ['_controller' => function () { throw new Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException('Access Denied.'); }]));
    $request = Symfony\Component\HttpFoundation\Request::createFromGlobals();
    $matcher = new Symfony\Component\Routing\Matcher\UrlMatcher($routes, new Symfony\Component\Routing\RequestContext());
    $events = new Symfony\Component\EventDispatcher\EventDispatcher();
    $events->addSubscriber(new Symfony\Component\HttpKernel\EventListener\RouterListener($matcher, new Symfony\Component\HttpFoundation\RequestStack()));
    $set = function ($response, $origin = A) use ($own) {
        $response->headers->set('Access-Control-Allow-Origin', $origin);
        if ($own === 'credentials') { return; }
        $response->headers->set('Access-Control-Allow-Methods', 'GET,POST,PUT,DELETE');
        $response->headers->set('Access-Control-Allow-Headers', 'Content-Type');
    };
    $listed = $own === 'origin' ? [B] : [A, B];
    $events->addListener('kernel.request', function ($event) use ($own, $set, $listed) {
        if ($own === 'firewall' && !$event->getRequest()->headers->has('Authorization')) { $event->setResponse(new Symfony\Component\HttpFoundation\JsonResponse(['code' => 401, 'message' => 'JWT Token not found'], 401, ['WWW-Authenticate' => 'Bearer'])); return; }
        $mine = !in_array($own, ['response', 'none']) && ($own !== 'path' || str_starts_with($event->getRequest()->getPathInfo(), '/api/'));
        if ($mine && $event->getRequest()->isMethod('OPTIONS')) { $event->setResponse(new Symfony\Component\HttpFoundation\Response('', 200)); }
    }, $own === 'firewall' ? 8 : 9999);
    $events->addListener('kernel.response', function ($event) use ($own, $set, $listed) {
        $origin = $event->getRequest()->headers->get('Origin');
        if ($own === 'none' || $own === 'path' && !str_starts_with($event->getRequest()->getPathInfo(), '/api/')) { return; }
        if (in_array($origin, $listed)) { $set($event->getResponse(), $origin); }
    });
    if ($own !== 'uncaught') { $events->addSubscriber(new Symfony\Component\HttpKernel\EventListener\ErrorListener(fn($exception) => new Symfony\Component\HttpFoundation\JsonResponse(['error' => 'x'], $exception->getStatusCode()))); }
    $kernel = new Symfony\Component\HttpKernel\HttpKernel($events, new Symfony\Component\HttpKernel\Controller\ControllerResolver());
    $kernel->handle($request)->send();
}

$family($own);
