package outrider

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// listen opens the address: a socket that only this user may open, or a port.
func (s *Server) listen() (net.Listener, error) {
	path, isSocket := strings.CutPrefix(s.Address, "unix:")
	switch {
	case isSocket:
		return listenSocket(path)
	case s.Address != "":
		return net.Listen("tcp", s.Address)
	}
	if path := os.Getenv("OUTRIDER_PLUGIN_SOCKET"); path != "" {
		return listenSocket(path)
	}
	port := os.Getenv("PORT")
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, errors.New("nowhere to listen: set OUTRIDER_PLUGIN_SOCKET to the path of a socket, or PORT")
	}
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
}

// listenSocket takes the place of a process that is gone and has left its socket behind.
func listenSocket(path string) (net.Listener, error) {
	listener, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) && !isAnswered(path) {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		listener, err = net.Listen("unix", path)
	}
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("the socket cannot be kept to this user: %w", err), listener.Close())
	}
	return listener, nil
}

func isAnswered(path string) bool {
	connection, err := net.Dial("unix", path)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}

// isPipe says whether a file is a pipe or socket, as the standard input is that a host holds open while it lives.
func isPipe(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0
}

// untilEnd reads until there is no more.
func untilEnd(from io.Reader, then func()) {
	_, _ = io.Copy(io.Discard, from)
	then()
}
