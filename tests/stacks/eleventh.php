<?php // for php -S: a todo list's API without a framework, with one mistake of CAUSES.md made on purpose.
ini_set('display_errors', '0');
$own = getenv('MISTAKE');
$path = strtok($_SERVER['REQUEST_URI'], '?');
if ($path === '/health') { echo 'ok'; exit; }
if ($own === 'session') { session_start(); if (empty($_SESSION['user'])) { http_response_code(403); exit('Not logged in'); } }
$allowed = ['https://todo.example', 'https://www.todo.example'];
$origin = $_SERVER['HTTP_ORIGIN'] ?? '';
if ($own === 'list' && in_array($origin, $allowed)) header("Access-Control-Allow-Origin: $origin");
if (in_array($own, ['one', 'fatal', 'session', 'nocreds'])) header('Access-Control-Allow-Origin: ' . ($own === 'one' ? 'https://todo.example' : 'http://app.one.test:18901'));
if (in_array($own, ['list', 'one', 'fatal', 'nocreds'])) {
    header('Access-Control-Allow-Methods: GET, POST, PUT, DELETE, OPTIONS');
    header('Access-Control-Allow-Headers: Content-Type, Authorization');
    if ($_SERVER['REQUEST_METHOD'] === 'OPTIONS') { http_response_code(204); exit; }
}
if ($own === 'end') { // the fields are said at the end of the script, which the error never reaches
    if ($path === '/api/stats') throw new Exception('SQLSTATE[HY000]');
    header('Access-Control-Allow-Origin: *');
}
header('Content-Type: application/json');
echo json_encode([['id' => 1, 'title' => 'Buy milk']]);
