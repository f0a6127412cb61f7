/*
 * distil-probe: asks a server whether it works, as the HEALTHCHECK of an image that has no shell, no
 * curl and perhaps no C library.
 *
 *     distil-probe [-t MILLISECONDS] [-e STATUS[,STATUS]...] http://HOST[:PORT][/PATH]
 *     distil-probe [-t MILLISECONDS] tcp://HOST:PORT
 *
 * HOST is an IPv4 address, an IPv6 address in brackets, or `localhost`: there is no resolver. A STATUS is
 * three digits, or one digit and `xx`; 2xx if there is none. A redirect is an answer like any other.
 *
 * Exits with 0 if the server works, else with 1, which is all that engines know (Docker reserves 2), and
 * prints one line that says why. Nothing that the server sends is printed but the three digits of its status.
 *
 * It needs nothing but the kernel: no library, no header, no memory that can be written but the stack.
 * What it calls is the same on all Linux kernels since 4.3. `scripts/probe` compiles it.
 */

/* ---- The kernel: numbers of system calls, and how to make one ---- */

#if defined(__x86_64__)

enum { READ = 0, WRITE = 1, CLOSE = 3, SOCKET = 41, CONNECT = 42, SENDTO = 44, GETSOCKOPT = 55,
       CLOCK_GETTIME = 228, EXIT_GROUP = 231, PPOLL = 271 };

static long call(long number, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall" : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

__asm__(".global _start\n_start:\n"
        "xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");

#elif defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64)

enum { CLOSE = 57, READ = 63, WRITE = 64, PPOLL = 73, EXIT_GROUP = 94, CLOCK_GETTIME = 113,
       SOCKET = 198, CONNECT = 203, SENDTO = 206, GETSOCKOPT = 209 };

#if defined(__aarch64__)
#define ARGUMENT(n) "x" #n
#define NUMBER "x8"
#define TRAP "svc 0"
__asm__(".global _start\n_start:\n"
        "mov x29, #0\n mov x30, #0\n mov x0, sp\n and x1, x0, #-16\n mov sp, x1\n b start\n");
#else
#define ARGUMENT(n) "a" #n
#define NUMBER "a7"
#define TRAP "ecall"
__asm__(".global _start\n_start:\n"
        ".option push\n .option norelax\n lla gp, __global_pointer$\n .option pop\n"
        "mv a0, sp\n andi sp, sp, -16\n tail start\n");
#endif

static long call(long number, long a, long b, long c, long d, long e, long f) {
    register long n __asm__(NUMBER) = number;
    register long r0 __asm__(ARGUMENT(0)) = a;
    register long r1 __asm__(ARGUMENT(1)) = b;
    register long r2 __asm__(ARGUMENT(2)) = c;
    register long r3 __asm__(ARGUMENT(3)) = d;
    register long r4 __asm__(ARGUMENT(4)) = e;
    register long r5 __asm__(ARGUMENT(5)) = f;
    __asm__ volatile(TRAP : "+r"(r0)
                     : "r"(n), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5) : "memory");
    return r0;
}

#elif defined(__arm__) && defined(__ARM_EABI__)

/* The calls with 32-bit times: they are there on old kernels, too, and no time here is of a calendar. */
enum { READ = 3, WRITE = 4, CLOSE = 6, EXIT_GROUP = 248, CLOCK_GETTIME = 263, SOCKET = 281,
       CONNECT = 283, SENDTO = 290, GETSOCKOPT = 295, PPOLL = 336 };

static long call(long number, long a, long b, long c, long d, long e, long f) {
    register long r7 __asm__("r7") = number;
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;
    register long r3 __asm__("r3") = d;
    register long r4 __asm__("r4") = e;
    register long r5 __asm__("r5") = f;
    __asm__ volatile("svc 0" : "+r"(r0)
                     : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5) : "memory");
    return r0;
}

__asm__(".global _start\n.type _start, %function\n_start:\n"
        "mov fp, #0\n mov lr, #0\n mov r0, sp\n bic r1, r0, #7\n mov sp, r1\n b start\n");

#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

enum { READ = 3, WRITE = 4, CLOSE = 6, EXIT_GROUP = 234, CLOCK_GETTIME = 246, PPOLL = 281,
       SOCKET = 326, CONNECT = 328, SENDTO = 335, GETSOCKOPT = 340 };

/* An error is a positive number with a bit of the condition register beside it. */
static long call(long number, long a, long b, long c, long d, long e, long f) {
    register long r0 __asm__("r0") = number;
    register long r3 __asm__("r3") = a;
    register long r4 __asm__("r4") = b;
    register long r5 __asm__("r5") = c;
    register long r6 __asm__("r6") = d;
    register long r7 __asm__("r7") = e;
    register long r8 __asm__("r8") = f;
    __asm__ volatile("sc\n bns+ 1f\n neg 3, 3\n1:"
                     : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8) :
                     : "memory", "cr0", "ctr", "r9", "r10", "r11", "r12");
    return r3;
}

__asm__(".global _start\n_start:\n"
        "lis 2, .TOC.@ha\n addi 2, 2, .TOC.@l\n mr 3, 1\n clrrdi 1, 1, 4\n"
        "li 0, 0\n stdu 0, -32(1)\n mtlr 0\n bl start\n");

#elif defined(__s390x__)

enum { READ = 3, WRITE = 4, CLOSE = 6, EXIT_GROUP = 248, CLOCK_GETTIME = 260, PPOLL = 302,
       SOCKET = 359, CONNECT = 362, GETSOCKOPT = 365, SENDTO = 369 };

static long call(long number, long a, long b, long c, long d, long e, long f) {
    register long r1 __asm__("r1") = number;
    register long r2 __asm__("r2") = a;
    register long r3 __asm__("r3") = b;
    register long r4 __asm__("r4") = c;
    register long r5 __asm__("r5") = d;
    register long r6 __asm__("r6") = e;
    register long r7 __asm__("r7") = f;
    __asm__ volatile("svc 0" : "+d"(r2)
                     : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6), "d"(r7) : "memory");
    return r2;
}

__asm__(".global _start\n_start:\n"
        "lgr %r2, %r15\n aghi %r15, -160\n xc 0(8, %r15), 0(%r15)\n jg start\n");

#else
#error "no system calls are known for this architecture"
#endif

enum { EINTR = 4, EAGAIN = 11, ENETUNREACH = 101, ECONNRESET = 104, ETIMEDOUT = 110,
       ECONNREFUSED = 111, EHOSTUNREACH = 113, EINPROGRESS = 115 };
enum { AF_INET = 2, AF_INET6 = 10, SOCK_STREAM = 1, SOCK_NONBLOCK = 04000, SOCK_CLOEXEC = 02000000 };
enum { SOL_SOCKET = 1, SO_ERROR = 4, MSG_NOSIGNAL = 0x4000, POLLIN = 1, POLLOUT = 4 };
enum { CLOCK_MONOTONIC = 1 };

struct timespec { long seconds, nanoseconds; };
struct pollfd { int descriptor; short events, found; };

/* Compilers call these where they copy and clear. */
void *memcpy(void *to, const void *from, unsigned long size) {
    for (unsigned long at = 0; at < size; at++) ((volatile char *)to)[at] = ((const char *)from)[at];
    return to;
}

void *memset(void *to, int value, unsigned long size) {
    for (unsigned long at = 0; at < size; at++) ((volatile char *)to)[at] = (char)value;
    return to;
}

/* Some ARM processors cannot divide, and the library that does it for them is not here. */
static unsigned divided(unsigned number, unsigned by, unsigned *rest) {
    unsigned quotient = 0, left = 0;
    for (int bit = 31; bit >= 0; bit--) {
        left = left << 1 | (number >> bit & 1);
        quotient <<= 1;
        if (left >= by) {
            left -= by;
            quotient |= 1;
        }
    }
    *rest = left;
    return quotient;
}

/* ---- What is printed ---- */

enum { LINE = 2400 };

struct text { unsigned length; char bytes[LINE]; };

/* What does not fit is left out. */
static void add(struct text *text, const char *words) {
    while (*words && text->length < LINE) text->bytes[text->length++] = *words++;
}

static void add_number(struct text *text, unsigned number) {
    char digits[12];
    unsigned at = sizeof digits, digit;
    digits[--at] = 0;
    do {
        number = divided(number, 10, &digit);
        digits[--at] = (char)('0' + digit);
    } while (number);
    add(text, digits + at);
}

__attribute__((noreturn)) static void leave(struct text *text, int status) {
    add(text, "\n");
    call(WRITE, 1, (long)text->bytes, text->length, 0, 0, 0);
    for (;;) call(EXIT_GROUP, status, 0, 0, 0, 0, 0);
}

__attribute__((noreturn)) static void refuse(const char *word, const char *problem) {
    struct text text = {0};
    add(&text, "distil-probe 1: ");
    if (word) {
        add(&text, "`");
        add(&text, word);
        add(&text, "` ");
    }
    add(&text, problem);
    add(&text, "; usage: distil-probe [-t MILLISECONDS] [-e STATUS[,STATUS]...] "
               "http://HOST[:PORT][/PATH]|tcp://HOST:PORT");
    leave(&text, 1);
}

/* ---- The arguments ---- */

/* An address as the kernel has it: sockaddr_in or sockaddr_in6 (ip(7), ipv6(7)). */
struct address {
    union {
        struct { unsigned short family; unsigned char port[2], host[4], zero[8]; } v4;
        struct { unsigned short family; unsigned char port[2], flow[4], host[16]; unsigned scope; } v6;
    };
    unsigned size;
};

struct question {
    const char *url;
    int is_http;
    const char *authority, *path;     /* the authority ends where the path begins */
    const char *admitted;             /* statuses, or null for 2xx */
    int milliseconds;
    struct address addresses[2];      /* the second for `localhost` alone */
    int count;
};

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* A decimal number of at most `limit`, and where it ends; -1 if there is none. */
static int number(const char **at, int limit) {
    int value = 0;
    if (!is_digit(**at)) return -1;
    for (; is_digit(**at); (*at)++) {
        value = value * 10 + (**at - '0');
        if (value > limit) return -1;
    }
    return value;
}

static const char *after(const char *text, const char *prefix) {
    for (; *prefix; prefix++, text++) if (*text != *prefix) return 0;
    return text;
}

static const char *read_v4(const char *at, unsigned char *host) {
    for (int part = 0; part < 4; part++) {
        if (part && *at++ != '.') return 0;
        int value = number(&at, 255);
        if (value < 0) return 0;
        host[part] = (unsigned char)value;
    }
    return at;
}

static int hexadecimal(char c) {
    if (is_digit(c)) return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Eight groups, of which one `::` may stand for some (RFC 4291, section 2.2, forms 1 and 2). */
static const char *read_v6(const char *at, unsigned char *host) {
    unsigned char groups[16] = {0};
    int length = 0, gap = -1;
    if (at[0] == ':' && at[1] == ':') {
        gap = 0;
        at += 2;
    }
    while (*at != ']') {
        int value = 0, digits = 0;
        for (; digits < 4 && hexadecimal(*at) >= 0; digits++) value = value * 16 + hexadecimal(*at++);
        if (!digits || length > 14) return 0;
        groups[length++] = (unsigned char)(value >> 8);
        groups[length++] = (unsigned char)value;
        if (*at == ']') break;
        if (*at++ != ':') return 0;
        if (*at == ':') {
            if (gap >= 0) return 0;
            gap = length;
            at++;
        } else if (*at == ']') return 0;
    }
    if (gap < 0 ? length != 16 : length > 14) return 0;
    if (gap < 0) gap = length;
    for (int n = 0; n < gap; n++) host[n] = groups[n];
    for (int n = 0; n < length - gap; n++) host[15 - n] = groups[length - 1 - n];
    return at + 1;
}

static void set_v4(struct address *address, const unsigned char *host) {
    address->v4.family = AF_INET;
    address->size = 16;
    for (int n = 0; n < 4; n++) address->v4.host[n] = host[n];
}

static void read_url(struct question *question) {
    const char *url = question->url, *at = after(url, "http://");
    for (const char *c = url; *c; c++) {
        if (*c <= ' ' || *c > '~') refuse(0, "the address has a character that addresses do not have");
        if (c - url > 2000) refuse(0, "the address has more than 2000 characters");
    }
    question->is_http = at != 0;
    if (!at) at = after(url, "tcp://");
    if (!at) refuse(url, "begins neither with http:// nor with tcp://");
    question->authority = at;
    question->count = 1;
    struct address *first = &question->addresses[0], *second = &question->addresses[1];
    unsigned char host[4];
    const char *end = after(at, "localhost");
    if (end) {
        static const unsigned char loopback[4] = {127, 0, 0, 1};
        set_v4(first, loopback);
        second->v6.family = AF_INET6;
        second->v6.host[15] = 1;
        second->size = 28;
        question->count = 2;
    } else if (*at == '[') {
        end = read_v6(at + 1, first->v6.host);
        first->v6.family = AF_INET6;
        first->size = 28;
    } else {
        end = read_v4(at, host);
        if (end) set_v4(first, host);
    }
    if (!end || (*end && *end != ':' && *end != '/' && *end != '?'))
        refuse(url, "has no numeric host, nor `localhost`");
    int port = question->is_http ? 80 : -1;
    if (*end == ':') {
        end++;
        port = number(&end, 65535);
    }
    if (port <= 0 || (*end && *end != '/' && *end != '?')) refuse(url, "has no port from 1 to 65535");
    if (!question->is_http && *end) refuse(url, "has something behind its port");
    question->path = end;
    for (int n = 0; n < question->count; n++) {
        /* At the same position for both families. */
        question->addresses[n].v4.port[0] = (unsigned char)(port >> 8);
        question->addresses[n].v4.port[1] = (unsigned char)port;
    }
}

/* Whether a list of statuses is one, and has this one if it is not 0. */
static int admits(const char *list, int status, int *is_list) {
    int found = 0;
    *is_list = 0;
    for (const char *at = list;; at += 4) {
        int first = at[0] - '0';
        if (first < 1 || first > 9) return 0;
        if (at[1] == 'x' && at[2] == 'x') found |= status >= first * 100 && status < first * 100 + 100;
        else if (is_digit(at[1]) && is_digit(at[2]))
            found |= status == first * 100 + (at[1] - '0') * 10 + (at[2] - '0');
        else return 0;
        if (!at[3]) break;
        if (at[3] != ',') return 0;
    }
    *is_list = 1;
    return found;
}

static void read_arguments(struct question *question, int count, char **words) {
    int at = 1, is_list;
    question->milliseconds = 5000;
    for (; at < count && words[at][0] == '-'; at += 2) {
        const char *option = words[at], *value = at + 1 < count ? words[at + 1] : "";
        if (option[1] == 't' && !option[2]) {
            /* An hour: what is longer is no check, and sums stay small. */
            question->milliseconds = number(&value, 3600000);
            if (question->milliseconds <= 0 || *value)
                refuse(0, "-t needs milliseconds, from 1 to 3600000");
        } else if (option[1] == 'e' && !option[2]) {
            question->admitted = value;
            admits(value, 0, &is_list);
            if (!is_list) refuse(0, "-e needs statuses, such as 200 or 2xx,301");
        } else refuse(option, "is no option");
    }
    if (at + 1 != count) refuse(0, "one address is needed");
    question->url = words[at];
    read_url(question);
}

/* ---- Asking ---- */

static long long now(void) {
    struct timespec time = {0};
    unsigned rest;
    call(CLOCK_GETTIME, CLOCK_MONOTONIC, (long)&time, 0, 0, 0, 0);
    return (long long)time.seconds * 1000 + divided((unsigned)time.nanoseconds, 1000000, &rest);
}

/* Waits until something can be done with a socket; 0 or an error. */
static long wait_for(int socket, short events, long long deadline) {
    for (;;) {
        long long left = deadline - now();
        if (left <= 0) return -ETIMEDOUT;
        /* A time limit is at most an hour. */
        unsigned rest, seconds = divided((unsigned)left, 1000, &rest);
        struct timespec time = {seconds, (long)rest * 1000000};
        struct pollfd poll = {socket, events, 0};
        long found = call(PPOLL, (long)&poll, 1, (long)&time, 0, 8, 0);
        if (found > 0) return 0;
        if (found < 0 && found != -EINTR) return found;
    }
}

/* A connection, or an error. */
static long connected(const struct address *address, long long deadline) {
    long socket = call(SOCKET, address->v4.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 0, 0, 0);
    if (socket < 0) return socket;
    long error = call(CONNECT, socket, (long)address, address->size, 0, 0, 0);
    if (error == -EINPROGRESS || error == -EINTR) {
        error = wait_for((int)socket, POLLOUT, deadline);
        if (!error) {
            int later = 0;
            unsigned size = sizeof later;
            error = call(GETSOCKOPT, socket, SOL_SOCKET, SO_ERROR, (long)&later, (long)&size, 0);
            if (!error) error = -later;
        }
    }
    if (!error) return socket;
    call(CLOSE, socket, 0, 0, 0, 0, 0);
    return error;
}

/* Some bytes, 0 at the end, or an error. */
static long receive(int socket, char *bytes, unsigned size, long long deadline) {
    for (;;) {
        long got = call(READ, socket, (long)bytes, size, 0, 0, 0);
        if (got == -EAGAIN) got = wait_for(socket, POLLIN, deadline);
        else if (got != -EINTR) return got;
        if (got < 0 && got != -EINTR) return got;
    }
}

static long send_all(int socket, const struct text *text, long long deadline) {
    unsigned sent = 0;
    while (sent < text->length) {
        long did = call(SENDTO, socket, (long)(text->bytes + sent), text->length - sent, MSG_NOSIGNAL, 0, 0);
        if (did > 0) sent += (unsigned)did;
        else if (did == -EAGAIN) did = wait_for(socket, POLLOUT, deadline);
        if (did < 0 && did != -EINTR) return did;
    }
    return 0;
}

static void add_request(struct text *text, const struct question *question) {
    add(text, "GET ");
    if (*question->path != '/') add(text, "/");
    for (const char *c = question->path; *c && *c != '#'; c++) {
        char one[2] = {*c, 0};
        add(text, one);
    }
    add(text, " HTTP/1.1\r\nHost: ");
    for (const char *c = question->authority; c < question->path; c++) {
        char one[2] = {*c, 0};
        add(text, one);
    }
    add(text, "\r\nUser-Agent: distil-probe/1\r\nAccept: */*\r\nConnection: close\r\n\r\n");
}

enum { MORE = 0, NOT_HTTP = -1000, TOO_LONG = -1001, NO_ANSWER = -1002 };

/* The final status of an answer (RFC 9112, section 4; RFC 9110, section 15.2: what begins with 1 is not
 * final, and another head follows). MORE if it is not there yet. */
static int status_of(const char *bytes, unsigned length) {
    unsigned at = 0;
    for (;;) {
        static const char form[] = "HTTP/1.d ddd";
        for (unsigned n = 0; n < sizeof form - 1; n++) {
            if (at + n >= length) return MORE;
            char c = bytes[at + n];
            if (form[n] == 'd' ? !is_digit(c) : c != form[n]) return NOT_HTTP;
        }
        const char *digits = bytes + at + 9;
        int status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
        /* Four digits are no status. */
        if (at + 12 >= length) return MORE;
        if (digits[3] != ' ' && digits[3] != '\r' && digits[3] != '\n') return NOT_HTTP;
        if (status < 100) return NOT_HTTP;
        if (status >= 200 || status == 101) return status;
        for (at += 12;; at++) {
            if (at + 2 >= length) return MORE;
            if (bytes[at] == '\n' && bytes[at + 1] == '\n') { at += 2; break; }
            if (bytes[at] == '\n' && bytes[at + 1] == '\r' && bytes[at + 2] == '\n') { at += 3; break; }
        }
    }
}

/* The status that a server answers with, or an error. */
static long ask(int socket, const struct question *question, long long deadline) {
    struct text request = {0};
    add_request(&request, question);
    long error = send_all(socket, &request, deadline);
    /* Who closes early may have answered before. */
    if (error == -ETIMEDOUT) return error;
    char bytes[8192];
    unsigned length = 0;
    int status;
    while ((status = status_of(bytes, length)) == MORE) {
        if (length == sizeof bytes) return TOO_LONG;
        long got = receive(socket, bytes + length, sizeof bytes - length, deadline);
        if (got < 0) return got;
        if (got == 0) return length ? NOT_HTTP : NO_ANSWER;
        length += (unsigned)got;
    }
    /* What a server still sends is taken for a moment: it would log a broken connection otherwise. */
    long long moment = now() + 100;
    if (deadline > moment) deadline = moment;
    for (unsigned drained = 0; drained < 65536;) {
        long got = receive(socket, bytes, sizeof bytes, deadline);
        if (got <= 0) break;
        drained += (unsigned)got;
    }
    return status;
}

static void add_error(struct text *text, long error, int milliseconds) {
    switch (error) {
    case -ECONNREFUSED: add(text, "connection refused"); break;
    case -ECONNRESET: add(text, "connection reset"); break;
    case -ENETUNREACH: case -EHOSTUNREACH: add(text, "not reachable"); break;
    case NOT_HTTP: add(text, "the answer is not HTTP/1"); break;
    case TOO_LONG: add(text, "the answer has no status within 8192 bytes"); break;
    case NO_ANSWER: add(text, "the connection was closed without an answer"); break;
    case -ETIMEDOUT:
        add(text, "no answer within ");
        add_number(text, (unsigned)milliseconds);
        add(text, " ms");
        break;
    default:
        add(text, "system error ");
        add_number(text, (unsigned)-error);
    }
}

/* `stack` is what the kernel puts there: the number of arguments, then pointers to them. */
__attribute__((noreturn, used)) void start(long *stack) {
    struct question question = {0};
    read_arguments(&question, (int)stack[0], (char **)(stack + 1));
    long long deadline = now() + question.milliseconds;
    long socket = 0, first = 0;
    for (int n = 0; n < question.count; n++) {
        socket = connected(&question.addresses[n], deadline);
        if (socket >= 0) break;
        if (!n) first = socket;
    }
    struct text text = {0};
    long outcome = socket < 0 ? first : question.is_http ? ask((int)socket, &question, deadline) : 200;
    int is_list;
    int is_healthy = outcome > 0 && admits(question.admitted && question.is_http ? question.admitted : "2xx",
                                          (int)outcome, &is_list);
    add(&text, is_healthy ? "healthy: " : "unhealthy: ");
    add(&text, question.url);
    if (outcome <= 0) {
        add(&text, ": ");
        add_error(&text, outcome, question.milliseconds);
    } else if (!question.is_http) {
        add(&text, " accepts connections");
    } else {
        add(&text, " answers ");
        add_number(&text, (unsigned)outcome);
        if (!is_healthy) {
            add(&text, ", expected ");
            add(&text, question.admitted ? question.admitted : "2xx");
        }
    }
    leave(&text, !is_healthy);
}
