<?php // for PHP-FPM and Apache's module: an API without a framework, with one mistake of CAUSES.md made on purpose.
ini_set('display_errors', '0');
$own = $_SERVER['MISTAKE'] ?? getenv('MISTAKE');
const A = 'http://app.one.test:18901', B = 'http://app.two.test:18902';
$path = strtok($_SERVER['REQUEST_URI'], '?');
$options = $_SERVER['REQUEST_METHOD'] === 'OPTIONS';
function say($status, $body) { http_response_code($status); header('Content-Type: application/json'); echo json_encode($body); exit; }

if ($own === 'token' && $path === '/items' && empty($_SERVER['HTTP_AUTHORIZATION'])) say(401, ['message' => 'Token missing']);
if ($own === 'fatal' && $path === '/other' && !$options) no_such_function();
if ($own === 'exits' && $options) { http_response_code(200); exit; }
if ($own === 'slow' && $path === '/other' && !$options) sleep(3);
if ($own === 'json' && $options) say(405, ['error' => 'Method not allowed']);
$allowed = $own === 'list' ? [B] : [A, B];
if (in_array($_SERVER['HTTP_ORIGIN'] ?? '', $allowed) && $own !== 'none') {
    header('Access-Control-Allow-Origin: ' . $_SERVER['HTTP_ORIGIN']);
    if ($own !== 'list') header('Access-Control-Allow-Credentials: true');
}
if ($options && $own !== 'none') {
    header('Access-Control-Allow-Methods: GET, POST' . ($own === 'verbs' ? '' : ', PUT, DELETE'));
    if ($own !== 'names') header('Access-Control-Allow-Headers: Content-Type');
    http_response_code(204);
    exit;
}
if ($own === 'found' && $path === '/other') say(404, ['error' => 'no route']);
say(200, ['ok' => true]);
