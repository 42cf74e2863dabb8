package devcloud

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"syscall"
)

// portsTried is how many ports are tried, beginning with FirstPort, before the system chooses one.
const portsTried = 20

// wsaeAddrInUse is the number of EADDRINUSE on Windows, which package syscall does not define
// there.
const wsaeAddrInUse = syscall.Errno(10048)

// listen opens the listener for Config.Port.
func listen(want int) (net.Listener, error) {
	switch want {
	case AnyPort:
		return listenOn(0)
	case 0:
		for p := FirstPort; p < FirstPort+portsTried; p++ {
			if l, err := listenOn(p); err == nil {
				return l, nil
			}
		}
		return listenOn(0)
	}
	return listenOn(want)
}

func listenOn(port int) (net.Listener, error) {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, wsaeAddrInUse):
		return nil, fmt.Errorf(
			"port %d on 127.0.0.1 is in use by another program: stop that program, or choose another port", port)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf(
			"port %d on 127.0.0.1 is reserved for privileged users: choose one from 1024 on", port)
	case err != nil:
		return nil, fmt.Errorf("port %d on 127.0.0.1: %w", port, err)
	}
	return l, nil
}

// portOf returns the port of a listener.
func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
