// fourth MISTAKE PORT: go-restful with its filter, Gorilla's mux with its CORSMethodMiddleware, or httprouter by hand, with one mistake of CAUSES.md made on purpose.
package main

import (
	"net/http"
	"os"
	"strings"

	"github.com/emicklei/go-restful"
	"github.com/gorilla/mux"
	"github.com/julienschmidt/httprouter"
)

const (
	a = "http://app.one.test:18901"
	b = "http://app.two.test:18902"
)

var methods = []string{"GET", "POST", "PUT", "DELETE"}

func ok(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Write([]byte("{}"))
}

func login(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			w.Write([]byte(`{"error":"missing authorization header"}`))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func rest(own string) http.Handler {
	c := restful.NewContainer()
	cors := restful.CrossOriginResourceSharing{AllowedDomains: []string{a, b}, AllowedHeaders: []string{"Content-Type"}, AllowedMethods: methods, CookiesAllowed: true, Container: c}
	switch own {
	case "origin":
		cors.AllowedDomains = []string{b}
	case "methods":
		cors.AllowedMethods = []string{"GET", "POST"}
	case "headers":
		cors.AllowedHeaders = []string{"Accept"}
	case "credentials":
		cors.CookiesAllowed = false
	}
	f := func(q *restful.Request, s *restful.Response) { ok(s.ResponseWriter, q.Request) }
	add := func(path string) *restful.WebService {
		ws := new(restful.WebService)
		ws.Path(path)
		ws.Route(ws.GET("").To(f)).Route(ws.POST("").To(f)).Route(ws.PUT("").To(f)).Route(ws.DELETE("").To(f))
		c.Add(ws)
		return ws
	}
	items := add("/items")
	add("/other")
	switch own {
	case "none":
	case "options":
		c.Filter(c.OPTIONSFilter)
	case "service":
		items.Filter(cors.Filter)
	default:
		c.Filter(cors.Filter)
	}
	if own == "auth" {
		return login(c)
	}
	return c
}

func gorilla(own string) http.Handler {
	r := mux.NewRouter()
	allow := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", a)
			if own != "headers" {
				w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
			}
			if r.Method == "OPTIONS" {
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	verbs := methods
	if own != "forgot" {
		verbs = append([]string{"OPTIONS"}, methods...)
	}
	if own == "methods" {
		verbs = []string{"GET", "POST", "OPTIONS"}
	}
	r.HandleFunc("/items", ok).Methods(verbs...)
	r.HandleFunc("/other", ok).Methods(methods...)
	if own == "subrouter" {
		sub := r.PathPrefix("/api").Subrouter()
		sub.HandleFunc("/items", ok).Methods(verbs...)
		sub.Use(allow, mux.CORSMethodMiddleware(sub))
	} else if own != "none" {
		r.Use(mux.CORSMethodMiddleware(r), allow)
	}
	if own == "auth" {
		return login(r)
	}
	return r
}

func router(own string) http.Handler {
	r := httprouter.New()
	f := func(w http.ResponseWriter, q *http.Request, _ httprouter.Params) {
		if own != "global" {
			w.Header().Set("Access-Control-Allow-Origin", a)
		}
		if strings.HasPrefix(q.URL.Path, "/boom") {
			panic("boom")
		}
		ok(w, q)
	}
	for _, m := range methods {
		r.Handle(m, "/items", f)
		r.Handle(m, "/boom", f)
		r.Handle(m, "/dir/", f)
	}
	if own != "handle" {
		// as its guide has it
		r.GlobalOPTIONS = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Header.Get("Access-Control-Request-Method") != "" {
				w.Header().Set("Access-Control-Allow-Methods", w.Header().Get("Allow"))
				w.Header().Set("Access-Control-Allow-Origin", "*")
				if own != "guide" {
					w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
				}
			}
			w.WriteHeader(http.StatusNoContent)
		})
	}
	if own == "panic" {
		r.PanicHandler = func(w http.ResponseWriter, q *http.Request, _ interface{}) {
			w.Header().Del("Access-Control-Allow-Origin")
			w.WriteHeader(500)
		}
	}
	return r
}

func main() {
	family, own, _ := strings.Cut(os.Args[1], "_")
	h := map[string]func(string) http.Handler{"restful": rest, "mux": gorilla, "httprouter": router}[family]
	if err := http.ListenAndServe("127.0.0.1:"+os.Args[2], h(own)); err != nil {
		panic(err)
	}
}
