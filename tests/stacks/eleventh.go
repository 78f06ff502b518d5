// eleventh MISTAKE PORT: net/http with rs/cors or Gorilla's handlers, as a todo list's API is mostly written, with one mistake of CAUSES.md made on purpose.
package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gorilla/handlers"
	"github.com/rs/cors"
)

const a, shop = "http://app.one.test:18901", "https://todo.example"

type todo struct {
	ID    int    `json:"id"`
	Title string `json:"title"`
}

func todos(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode([]todo{{1, "Buy milk"}})
}

func only(method string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method {
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		next(w, r)
	}
}

func enable(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		next(w, r)
	}
}

func main() {
	mistake, port := os.Args[1], os.Args[2]
	family, own, _ := strings.Cut(mistake, "_")
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok")) })
	switch own {
	case "enable":
		mux.HandleFunc("/api/todos", enable(only("GET", todos)))
		mux.HandleFunc("/api/todos/", only("PUT", enable(todos)))
	case "some":
		mux.Handle("/api/todos", cors.Default().Handler(http.HandlerFunc(todos)))
		mux.HandleFunc("/api/todos/", todos)
	default:
		mux.HandleFunc("/api/todos", todos)
		mux.HandleFunc("/api/todos/", todos)
	}
	mux.HandleFunc("/api/tags/", todos)
	mux.HandleFunc("/api/slow", func(w http.ResponseWriter, r *http.Request) { time.Sleep(3 * time.Second) })
	all := []string{"GET", "POST", "PUT", "DELETE"}
	options := cors.Options{AllowedOrigins: []string{a}, AllowedMethods: all, AllowedHeaders: []string{"*"}}
	var handler http.Handler = mux
	if family == "go" {
		switch own {
		case "list":
			options.AllowedOrigins = []string{shop, "https://www.todo.example"}
		case "pattern":
			options.AllowedOrigins = []string{"https://*.todo.example"}
		case "default":
			options = cors.Options{}
		case "headers":
			options.AllowedHeaders = []string{"Content-Type"}
		case "slash":
			options.AllowedOrigins = []string{a + "/"}
		}
		if own != "forgot" && own != "enable" && own != "some" {
			handler = cors.New(options).Handler(mux)
		}
		switch own {
		case "bearer":
			inner := handler
			handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/health" && !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
					w.Header().Set("WWW-Authenticate", `Bearer realm="todo"`)
					http.Error(w, "missing bearer token", http.StatusUnauthorized)
					return
				}
				inner.ServeHTTP(w, r)
			})
		case "timeout":
			handler = http.TimeoutHandler(handler, time.Second, "timeout")
		}
	} else {
		origins, methods, fields := handlers.AllowedOrigins([]string{a}), handlers.AllowedMethods(all), handlers.AllowedHeaders([]string{"Content-Type", "Authorization"})
		switch own {
		case "list":
			origins = handlers.AllowedOrigins([]string{shop})
		case "verbs":
			methods = handlers.AllowedMethods([]string{"GET", "HEAD", "POST"})
		case "headers":
			fields = handlers.AllowedHeaders([]string{"X-Requested-With"})
		}
		handler = handlers.CORS(origins, methods, fields)(mux)
	}
	panic(http.ListenAndServe("127.0.0.1:"+port, handler))
}
