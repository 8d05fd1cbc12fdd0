// Command natsserver is a NATS server with JetStream, as one of its own beside coordinators: a process that tests can kill.
package main

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/drey-sampler/drey/pkg/transport/nats"
)

func main() {
	dir := flag.String("dir", "", "`directory` of its streams")
	listen := flag.String("listen", "127.0.0.1:0", "`HOST:PORT` where clients connect")
	flag.Parse()
	if err := serve(*dir, *listen); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve runs the server until it is told to end.
func serve(dir, listen string) error {
	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	s, err := nats.Start(nats.ServerConfig{StoreDir: dir, Listen: listen, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	fmt.Println("msg=ready", s.URL())
	<-end
	return s.Close()
}
