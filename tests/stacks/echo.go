// echo MISTAKE PORT: Echo, or chi with go-chi/cors, with one mistake of CAUSES.md made on purpose.
package main

import (
	"net/http"
	"os"
	"strings"

	"github.com/go-chi/chi"
	chicors "github.com/go-chi/cors"
	"github.com/labstack/echo"
	"github.com/labstack/echo/middleware"
)

const (
	a = "http://app.one.test:18901"
	b = "http://app.two.test:18902"
)

var all = []string{"GET", "POST", "PUT", "DELETE"}

func echoed(own string) http.Handler {
	e := echo.New()
	config := middleware.CORSConfig{AllowOrigins: []string{a, b}, AllowMethods: all, AllowHeaders: []string{"content-type"}, AllowCredentials: true}
	ok := func(c echo.Context) error { return c.JSON(200, map[string]bool{"ok": true}) }
	routes := func(add func(method, path string, handler echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route, paths ...string) {
		for _, path := range paths {
			for _, method := range all {
				add(method, path, ok)
			}
		}
	}
	login := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if _, err := c.Cookie("session"); err != nil {
				return echo.ErrUnauthorized
			}
			return next(c)
		}
	}
	switch own {
	case "origin":
		config.AllowOrigins = []string{b}
	case "slash":
		config.AllowOrigins = []string{a + "/"}
	case "methods":
		config.AllowMethods = []string{"GET", "POST"}
	case "headers":
		config.AllowHeaders = []string{"accept"}
	case "credentials":
		config.AllowCredentials = false
	case "star":
		config = middleware.CORSConfig{AllowOrigins: []string{"*"}, AllowMethods: all}
	case "auth":
		e.Use(login)
	case "guarded":
		e.Use(middleware.CORSWithConfig(config), login)
		routes(e.Add, "/items")
		return e
	case "redirect":
		e.Pre(middleware.AddTrailingSlashWithConfig(middleware.TrailingSlashConfig{RedirectCode: 308}))
		e.Use(middleware.CORSWithConfig(config))
		routes(e.Add, "/items/")
		return e
	case "group":
		g := e.Group("/api", middleware.CORSWithConfig(config))
		routes(g.Add, "/items")
		routes(e.Add, "/items")
		return e
	case "route":
		e.GET("/items", ok, middleware.CORSWithConfig(config))
		e.PUT("/items", ok, middleware.CORSWithConfig(config))
		return e
	case "panic":
		e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				if c.Path() == "/boom" && c.Request().Method != "OPTIONS" {
					return echo.ErrInternalServerError
				}
				return next(c)
			}
		})
		e.GET("/boom", ok)
	case "none":
		routes(e.Add, "/items")
		return e
	}
	e.Use(middleware.CORSWithConfig(config))
	routes(e.Add, "/items", "/other")
	return e
}

func chied(own string) http.Handler {
	r := chi.NewRouter()
	o := chicors.Options{AllowedOrigins: []string{a, b}, AllowedMethods: all, AllowedHeaders: []string{"Content-Type"}, AllowCredentials: true}
	ok := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte("{}"))
	}
	routes := func(r chi.Router, paths ...string) {
		for _, path := range paths {
			for _, method := range all {
				r.MethodFunc(method, path, ok)
			}
		}
	}
	switch own {
	case "origin":
		o.AllowedOrigins = []string{b}
	case "methods":
		o.AllowedMethods = []string{"GET", "POST"}
	case "headers":
		o.AllowedHeaders = []string{"Accept"}
	case "credentials":
		o.AllowCredentials = false
	case "auth":
		r.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Cookie") == "" {
					http.Error(w, "login", 401)
					return
				}
				next.ServeHTTP(w, r)
			})
		})
	case "group":
		r.Group(func(r chi.Router) {
			r.Use(chicors.Handler(o))
			routes(r, "/items")
		})
		return r
	case "route":
		r.Route("/api", func(r chi.Router) {
			r.Use(chicors.Handler(o))
			routes(r, "/items")
		})
		routes(r, "/items")
		return r
	case "limiter":
		left := 3
		r.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				left--
				if left < 0 {
					http.Error(w, "Too Many Requests", 429)
					return
				}
				next.ServeHTTP(w, r)
			})
		})
	case "none":
		routes(r, "/items")
		return r
	}
	r.Use(chicors.Handler(o))
	routes(r, "/items")
	return r
}

func main() {
	family, own, _ := strings.Cut(os.Args[1], "_")
	handler := echoed
	if family == "chi" {
		handler = chied
	}
	http.ListenAndServe("127.0.0.1:"+os.Args[2], handler(own))
}
