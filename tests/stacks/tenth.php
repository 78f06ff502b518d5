<?php // for php -S: an API without a framework, as the classic answers show it, with one mistake of CAUSES.md made on purpose.
ini_set('display_errors', '0');
$own = getenv('MISTAKE');
const A = 'http://app.one.test:18901';
$path = strtok($_SERVER['REQUEST_URI'], '?');
$method = $_SERVER['REQUEST_METHOD'];
header('Content-Type: application/json');
if ($path === '/health') { echo '{"ok":true}'; exit; }
if ($own === 'auth' && empty($_SERVER['HTTP_AUTHORIZATION'])) { http_response_code(401); echo '{"error":"Unauthorized"}'; exit; }
if ($own === 'login' && empty($_COOKIE['PHPSESSID'])) { header('Location: /login.php'); exit; }
if ($own === 'star') { header('Access-Control-Allow-Origin: *'); header('Access-Control-Allow-Credentials: true'); header('Access-Control-Allow-Methods: GET, POST, PUT, DELETE'); header('Access-Control-Allow-Headers: Content-Type'); }
if ($own === 'origins') { header('Access-Control-Allow-Origin: https://www.one.test'); header('Access-Control-Allow-Methods: GET, POST, PUT, DELETE'); header('Access-Control-Allow-Headers: Content-Type'); }
if ($own === 'list' && in_array($_SERVER['HTTP_ORIGIN'] ?? '', ['https://www.one.test', 'https://admin.one.test'])) { header('Access-Control-Allow-Origin: ' . $_SERVER['HTTP_ORIGIN']); }
if ($own === 'simple') header('Access-Control-Allow-Origin: *');
if ($own === 'methods') { header('Access-Control-Allow-Origin: *'); header('Access-Control-Allow-Headers: Content-Type'); header('Access-Control-Allow-Methods: GET, POST, OPTIONS'); }
if ($own === 'two') { header('Access-Control-Allow-Origin: ' . A); header('Access-Control-Allow-Origin: ' . A, false); header('Access-Control-Allow-Headers: Content-Type'); header('Access-Control-Allow-Methods: GET, PUT'); }
if ($own === 'options' && $method === 'OPTIONS') { header('Access-Control-Allow-Origin: ' . A); header('Access-Control-Allow-Methods: GET, POST, PUT, DELETE'); header('Access-Control-Allow-Headers: Content-Type'); http_response_code(204); exit; }
if ($own === 'end' && $path === '/api/crash') no_such_function();
if ($own === 'end') { header('Access-Control-Allow-Origin: ' . A); header('Access-Control-Allow-Methods: GET, PUT'); header('Access-Control-Allow-Headers: Content-Type'); }
echo json_encode([['id' => 1]]);
