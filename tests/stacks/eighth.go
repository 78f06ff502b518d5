// eighth MISTAKE PORT: fasthttp, Negroni with rs/cors, Goji, or a proxy of Go's own library, each with one mistake of CAUSES.md made on purpose.
package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"

	"github.com/rs/cors"
	"github.com/urfave/negroni"
	"github.com/valyala/fasthttp"
	"goji.io"
	"goji.io/pat"
)

const (
	a = "http://app.one.test:18901"
	b = "http://app.two.test:18902"
)

func fast(own, address string) error {
	return fasthttp.ListenAndServe(address, func(ctx *fasthttp.RequestCtx) {
		origin, path, h := string(ctx.Request.Header.Peek("Origin")), string(ctx.Path()), &ctx.Response.Header
		options := string(ctx.Method()) == "OPTIONS"
		if own == "auth" && path == "/items" && len(ctx.Request.Header.Peek("Authorization")) == 0 {
			ctx.Error("Unauthorized", 401)
			return
		}
		if own == "gets" && options {
			ctx.Error("Method Not Allowed", 405)
			return
		}
		if own == "star" {
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Access-Control-Allow-Credentials", "true")
		} else if own != "none" && (origin == b || (own != "list" && origin == a)) {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		if options && own != "none" {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
			if own != "names" {
				h.Set("Access-Control-Allow-Headers", "Content-Type")
			}
			ctx.SetStatusCode(204)
			return
		}
		if own == "error" && path == "/other" {
			ctx.Error("no database", 500) // resets the response
			return
		}
		ctx.SetContentType("application/json")
		fmt.Fprint(ctx, `{"ok":true}`)
	})
}

func main() {
	family, own, _ := strings.Cut(os.Args[1], "_")
	address := "127.0.0.1:" + os.Args[2]
	ok := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"ok":true}`)
	}
	mux := http.NewServeMux()
	for _, path := range []string{"/items", "/other", "/me"} {
		mux.HandleFunc(path, ok)
	}
	open := cors.Options{AllowedOrigins: []string{a, b}, AllowedMethods: []string{"GET", "POST", "PUT", "DELETE"}, AllowedHeaders: []string{"Content-Type"}, AllowCredentials: true}
	var handler http.Handler
	switch family {
	case "fh":
		fmt.Fprintln(os.Stderr, fast(own, address))
		return
	case "neg":
		n := negroni.New(negroni.NewRecovery())
		if own == "list" {
			open.AllowedOrigins = []string{b}
		}
		token := negroni.HandlerFunc(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			if r.URL.Path == "/items" && r.Header.Get("Authorization") == "" {
				http.Error(w, "token", http.StatusUnauthorized)
				return
			}
			next(w, r)
		})
		if own == "auth" {
			n.Use(token)
		}
		if own == "panic" {
			mux.HandleFunc("/boom", func(w http.ResponseWriter, r *http.Request) { panic("boom") })
			n.UseFunc(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				if r.URL.Path == "/other" && r.Method != http.MethodOptions {
					panic("early")
				}
				next(w, r)
			})
		}
		n.Use(cors.New(open))
		n.UseHandler(mux)
		handler = n
	case "goji":
		root, api := goji.NewMux(), goji.SubMux()
		for _, m := range []*goji.Mux{root, api} {
			m.HandleFunc(pat.Get("/items"), ok)
			m.HandleFunc(pat.Put("/items"), ok)
			m.HandleFunc(pat.Get("/me"), ok)
		}
		root.Handle(pat.New("/api/*"), api)
		switch own {
		case "sub":
			api.Use(cors.New(open).Handler)
		case "wraps": // only what the route answers has the field
			root.Use(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodGet {
						w.Header().Set("Access-Control-Allow-Origin", a)
					}
					next.ServeHTTP(w, r)
				})
			})
		}
		handler = root
	case "rev":
		behind := cors.New(open).Handler(mux)
		listener, _ := net.Listen("tcp", "127.0.0.1:0")
		go http.Serve(listener, behind)
		to, _ := url.Parse("http://" + listener.Addr().String())
		if own == "down" {
			to, _ = url.Parse("http://127.0.0.1:9")
		}
		proxy := httputil.NewSingleHostReverseProxy(to)
		handler = proxy
		if own == "two" { // the proxy adds its own, and copies what comes
			handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
				proxy.ServeHTTP(w, r)
			})
		}
		if own == "part" {
			bad, _ := url.Parse("http://127.0.0.1:9")
			failing := httputil.NewSingleHostReverseProxy(bad)
			handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/other" {
					failing.ServeHTTP(w, r)
					return
				}
				proxy.ServeHTTP(w, r)
			})
		}
	}
	fmt.Fprintln(os.Stderr, http.ListenAndServe(address, handler))
}
