// eighth-cpp MISTAKE PORT: cpp-httplib by hand, with one mistake of CAUSES.md made on purpose.
#include <httplib.h>
#include <string>

int main(int, char **argv) {
  const std::string own = std::string(argv[1]).substr(std::string(argv[1]).find('_') + 1);
  const std::string a = "http://app.one.test:18901", b = "http://app.two.test:18902";
  httplib::Server server;
  if (own == "defaults") server.set_default_headers({{"Access-Control-Allow-Origin", a}});
  auto ok = [&](const httplib::Request &request, httplib::Response &response) {
    if (own == "handlers") response.set_header("Access-Control-Allow-Origin", a);
    if (own == "list" && request.get_header_value("Origin") == b) response.set_header("Access-Control-Allow-Origin", b);
    response.set_content("{}", "application/json");
  };
  if (own == "list") server.Options(".*", [&](const httplib::Request &request, httplib::Response &response) {
    if (request.get_header_value("Origin") == b) {
      response.set_header("Access-Control-Allow-Origin", b);
      response.set_header("Access-Control-Allow-Methods", "PUT, DELETE");
      response.set_header("Access-Control-Allow-Headers", "content-type");
    }
    response.status = 204;
  });
  for (const char *path : {"/items", "/me"}) { server.Get(path, ok); server.Put(path, ok); server.Post(path, ok); }
  server.listen("127.0.0.1", std::stoi(argv[2]));
}
