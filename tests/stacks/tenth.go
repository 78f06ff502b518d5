// tenth MISTAKE PORT: net/http, rs/cors, Gin and chi, each as its documentation shows it, with one mistake of CAUSES.md made on purpose.
package main

import (
	"net/http"
	"os"
	"strings"

	gincors "github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"
	"github.com/rs/cors"
)

const a, www = "http://app.one.test:18901", "https://www.one.test"

func list(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Write([]byte(`[{"id":1}]`))
}

func bearer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" && r.Header.Get("Authorization") == "" {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func byHand(next http.Handler, own string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", a)
		w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS")
		w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
		if r.Method == "OPTIONS" && own != "noreturn" {
			return
		}
		next.ServeHTTP(w, r)
	})
}

func mux(own string) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok")) })
	m.HandleFunc("/api/items", list)
	m.HandleFunc("/api/items/", list)
	m.HandleFunc("/api/list/", list)
	m.HandleFunc("/api/crash", func(w http.ResponseWriter, r *http.Request) { panic("boom") })
	all := []string{"GET", "POST", "PUT", "DELETE"}
	open := cors.Options{AllowedOrigins: []string{a}, AllowedMethods: all, AllowedHeaders: []string{"Content-Type"}}
	switch own {
	case "auth":
		return bearer(cors.New(open).Handler(m))
	case "origin":
		open.AllowedOrigins = []string{www}
	case "methods":
		return cors.Default().Handler(m)
	case "headers":
		open.AllowedHeaders = []string{"Accept"}
	case "creds":
	case "none":
		return m
	case "handler": // on what it answers with, not on preflights
		inner := http.NewServeMux()
		inner.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok")) })
		only := func(verb string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.Method != verb {
					http.Error(w, "Method not allowed", http.StatusMethodNotAllowed)
					return
				}
				w.Header().Set("Access-Control-Allow-Origin", a)
				list(w, r)
			}
		}
		inner.HandleFunc("/api/items", only("GET"))
		inner.HandleFunc("/api/items/", only("PUT"))
		return inner
	case "slash":
		outer := http.NewServeMux()
		outer.Handle("/health", m)
		outer.Handle("/api/list/", cors.New(open).Handler(m))
		return outer
	case "https":
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/health" {
				list(w, r)
				return
			}
			http.Redirect(w, r, "https://"+strings.Split(r.Host, ":")[0]+r.URL.Path, http.StatusMovedPermanently)
		})
	case "panic":
		return byHand(m, own)
	case "timeout":
		return byHand(m, own)
	case "noreturn":
		return byHand(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "GET" && r.Method != "PUT" {
				http.Error(w, "Method not allowed", http.StatusMethodNotAllowed)
				return
			}
			list(w, r)
		}), own)
	}
	return cors.New(open).Handler(m)
}

func engine(own string) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	config := gincors.DefaultConfig()
	config.AllowOrigins = []string{a}
	switch own {
	case "origin":
		config.AllowOrigins = []string{www}
	case "methods":
		config.AllowMethods = []string{"GET", "POST"}
	case "headers":
		config.AllowHeaders = []string{"Origin"}
	}
	token := func(c *gin.Context) {
		if c.Request.URL.Path != "/health" && c.GetHeader("Authorization") == "" {
			c.AbortWithStatusJSON(401, gin.H{"error": "Authorization header required"})
		}
	}
	ok := func(c *gin.Context) { c.JSON(200, gin.H{"items": 1}) }
	routes := func(r gin.IRoutes) {
		r.GET("/api/items", ok)
		r.PUT("/api/items/:id", ok)
		r.DELETE("/api/items/:id", ok)
	}
	e.GET("/health", ok)
	switch own {
	case "none":
	case "auth":
		e.Use(token, gincors.New(config))
	case "after":
		routes(e)
		e.Use(gincors.New(config))
		return e
	case "group": // on a group: its preflights have no route
		group := e.Group("/", gincors.New(config))
		routes(group)
		return e
	default:
		e.Use(gincors.New(config))
	}
	routes(e)
	return e
}

func main() {
	family, own, _ := strings.Cut(os.Args[1], "_")
	handler := mux(own)
	if family == "gin" {
		handler = engine(own)
	}
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[2], handler))
}
