<?php // MISTAKE=… php -S ADDRESS server.php: CORS written by hand, with one mistake of CAUSES.md made on purpose.
[$a, $b] = ['http://app.one.test:18901', 'http://app.two.test:18902'];
$own = substr(getenv('MISTAKE'), 4);
$options = $_SERVER['REQUEST_METHOD'] === 'OPTIONS';
$path = strtok($_SERVER['REQUEST_URI'], '?');
$allow = function ($origin) {
    header("Access-Control-Allow-Origin: $origin");
    header('Access-Control-Allow-Methods: GET, POST, PUT, DELETE');
    header('Access-Control-Allow-Headers: Content-Type');
};
header('Content-Type: application/json');
if ($own === 'login' && $path === '/other') { header('Location: /items', true, 302); exit; }
if ($own === 'fatal' && $path === '/other' && !$options) { throw new Exception('early'); }
if ($own === 'options') { if ($options) { $allow($a); http_response_code(204); exit; } echo '{}'; exit; }
if ($own === 'gets') { if ($options) { http_response_code(405); exit; } $allow($a); echo '{}'; exit; }
if ($own === 'forgets') { if (!$options) { $allow($a); } echo '{}'; exit; }
if ($own === 'auth' && !isset($_SERVER['HTTP_COOKIE'])) { http_response_code(401); exit; }
if ($own === 'origin') { $allow($b); if ($options) { http_response_code(204); } else { echo '{}'; } exit; }
if ($own === 'null') { $allow($_SERVER['HTTP_REFERER'] ?? 'null'); echo '{}'; exit; }
$allow($a);
if ($own === 'twice') { header("Access-Control-Allow-Origin: *", false); }
if ($options) { http_response_code(204); } else { echo '{}'; }
