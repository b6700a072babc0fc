/* Loaded before everything else into a process and all its children (LD_PRELOAD): whatever would leave this machine is refused with
   ENETUNREACH and written down, one line each, in the file that REFUSE_LOG names. It stands where every dynamically linked program asks the
   system, so it sees Node, its C++ modules and the browser alike; only a program that makes system calls of its own passes it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void note(const char *call, const char *what) {
  const char *path = getenv("REFUSE_LOG");
  if (path == NULL) return;
  char program[64] = "";
  int name = open("/proc/self/comm", O_RDONLY);
  if (name >= 0) {
    ssize_t length = read(name, program, sizeof program - 1);
    if (length > 0) program[program[length - 1] == '\n' ? length - 1 : length] = 0;
    close(name);
  }
  char line[512];
  int length = snprintf(line, sizeof line, "%s[%d] %s %s\n", program, (int)getpid(), call, what);
  int log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (log < 0) return;
  if (write(log, line, (size_t)length) < 0) {}
  close(log);
}

/* 1 where the address is of another machine; its text is written down. */
static int leaves(const char *call, const struct sockaddr *to) {
  char text[INET6_ADDRSTRLEN] = "?", what[INET6_ADDRSTRLEN + 16];
  int port = 0;
  if (to == NULL) return 0;
  if (to->sa_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)to;
    if ((ntohl(in->sin_addr.s_addr) >> 24) == 127 || in->sin_addr.s_addr == 0) return 0;
    inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
    port = ntohs(in->sin_port);
  } else if (to->sa_family == AF_INET6) {
    const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)to;
    const unsigned char *bytes = in->sin6_addr.s6_addr;
    if (IN6_IS_ADDR_LOOPBACK(&in->sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&in->sin6_addr) || (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr) && bytes[12] == 127)) return 0;
    inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
    port = ntohs(in->sin6_port);
  } else return 0;
  snprintf(what, sizeof what, "%s:%d", text, port);
  note(call, what);
  errno = ENETUNREACH;
  return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Connecting a datagram socket sends nothing, it only asks which way a packet would go: written down as `aim`. */
int connect(int socket, const struct sockaddr *to, socklen_t length) {
  int kind = 0;
  socklen_t size = sizeof kind;
  getsockopt(socket, SOL_SOCKET, SO_TYPE, &kind, &size);
  return leaves(kind == SOCK_DGRAM ? "aim" : "connect", to) ? -1 : NEXT(connect)(socket, to, length);
}

ssize_t sendto(int socket, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length) {
  return leaves("sendto", to) ? -1 : NEXT(sendto)(socket, data, size, flags, to, length);
}

ssize_t sendmsg(int socket, const struct msghdr *message, int flags) {
  return message != NULL && leaves("sendmsg", (const struct sockaddr *)message->msg_name) ? -1 : NEXT(sendmsg)(socket, message, flags);
}

int sendmmsg(int socket, struct mmsghdr *messages, unsigned int count, int flags) {
  for (unsigned int at = 0; at < count; at++) if (leaves("sendmmsg", (const struct sockaddr *)messages[at].msg_hdr.msg_name)) return -1;
  return NEXT(sendmmsg)(socket, messages, count, flags);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  struct in6_addr parsed;
  if (node == NULL || strcmp(node, "localhost") == 0 || inet_pton(AF_INET, node, &parsed) == 1 || inet_pton(AF_INET6, node, &parsed) == 1)
    return NEXT(getaddrinfo)(node, service, hints, found);
  note("getaddrinfo", node);
  return EAI_FAIL;
}
