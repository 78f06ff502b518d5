// server MISTAKE PORT: net/http with rs/cors, Gin or Gorilla with one mistake of CAUSES.md made on purpose.
package main

import (
	"net/http"
	"os"
	"strings"

	gincors "github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"
	"github.com/gorilla/handlers"
	"github.com/rs/cors"
)

const (
	a = "http://app.one.test:18901"
	b = "http://app.two.test:18902"
)

func ok(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Write([]byte("{}"))
}

func auth(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") == "" {
			http.Error(w, "login", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func plain(own string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/items", ok)
	mux.HandleFunc("/other", ok)
	mux.HandleFunc("/dir/", ok)
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("boom") })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "broken", 500) })
	all := []string{"GET", "HEAD", "POST", "PUT", "DELETE"}
	with := func(o cors.Options) *cors.Cors { return cors.New(o) }
	open := with(cors.Options{AllowedOrigins: []string{a, b}, AllowedMethods: all, AllowedHeaders: []string{"*"}, AllowCredentials: true})
	switch own {
	case "methods":
		return with(cors.Options{AllowedOrigins: []string{a, b}, AllowedHeaders: []string{"*"}}).Handler(mux)
	case "headers":
		return with(cors.Options{AllowedOrigins: []string{a, b}, AllowedMethods: all, AllowedHeaders: []string{"content-type"}}).Handler(mux)
	case "origin":
		return with(cors.Options{AllowedOrigins: []string{b}, AllowedMethods: all, AllowedHeaders: []string{"*"}}).Handler(mux)
	case "slash":
		return with(cors.Options{AllowedOrigins: []string{a + "/"}, AllowedMethods: all}).Handler(mux)
	case "auth":
		return auth(open.Handler(mux))
	case "path":
		outer := http.NewServeMux()
		outer.Handle("/items", open.Handler(mux))
		outer.Handle("/", mux)
		return outer
	case "twice":
		return open.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Access-Control-Allow-Origin", a)
			ok(w, r)
		}))
	case "star":
		return with(cors.Options{AllowedOrigins: []string{"*"}, AllowedMethods: all, AllowedHeaders: []string{"*"}, AllowCredentials: true}).Handler(mux)
	case "credentials":
		return with(cors.Options{AllowedOrigins: []string{a, b}, AllowedMethods: all, AllowedHeaders: []string{"*"}}).Handler(mux)
	case "redirect":
		outer := http.NewServeMux()
		outer.Handle("/dir/", open.Handler(mux))
		outer.Handle("/items", open.Handler(mux))
		return outer
	case "errors":
		outer := http.NewServeMux()
		outer.Handle("/items", open.Handler(mux))
		outer.HandleFunc("/panic", func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "OPTIONS" {
				open.HandlerFunc(w, r)
				return
			}
			http.Error(w, "broken", 500)
		})
		return outer
	default:
		return open.Handler(mux)
	}
}

func routes(r gin.IRoutes) {
	for _, path := range []string{"/items", "/other"} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			r.Handle(method, path, func(c *gin.Context) { c.JSON(200, gin.H{"ok": true}) })
		}
	}
}

func ginned(own string) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	config := gincors.Config{AllowOrigins: []string{a, b}, AllowMethods: []string{"GET", "POST", "PUT", "DELETE"}, AllowHeaders: []string{"content-type"}, AllowCredentials: true}
	switch own {
	case "origin":
		config.AllowOrigins = []string{b}
	case "methods":
		config.AllowMethods = []string{"GET", "POST"}
	case "credentials":
		config.AllowCredentials = false
	case "auth":
		r.Use(func(c *gin.Context) {
			if c.GetHeader("Cookie") == "" {
				c.AbortWithStatusJSON(401, gin.H{"error": "login"})
			}
		})
	case "order":
		routes(r)
		r.Use(gincors.New(config))
		return r
	case "path":
		r.Group("/").Use(gincors.New(config)).GET("/items", func(c *gin.Context) { c.JSON(200, gin.H{}) })
		r.GET("/other", func(c *gin.Context) { c.JSON(200, gin.H{}) })
		r.PUT("/other", func(c *gin.Context) { c.JSON(200, gin.H{}) })
		return r
	}
	r.Use(gincors.New(config))
	routes(r)
	return r
}

func gorilla(own string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/items", ok)
	options := []handlers.CORSOption{handlers.AllowCredentials()}
	origins, methods, headers := []string{a, b}, []string{"GET", "POST", "PUT", "DELETE"}, []string{"content-type"}
	switch own {
	case "origin":
		origins = []string{b}
	case "methods":
		methods = []string{"GET", "POST"}
	}
	options = append(options, handlers.AllowedOrigins(origins), handlers.AllowedMethods(methods), handlers.AllowedHeaders(headers))
	return handlers.CORS(options...)(mux)
}

func main() {
	family, own, _ := strings.Cut(os.Args[1], "_")
	build := map[string]func(string) http.Handler{"go": plain, "gin": ginned, "gorilla": gorilla}[family]
	http.ListenAndServe("127.0.0.1:"+os.Args[2], build(own))
}
