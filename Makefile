# mpcrawl's build, all of it.  Out of tree, one folder per mode.
#
#   make                      build/release/mpcrawl
#   make crawl                set up, build, serve a real site here, crawl it
#   make crawl URL=… CONTACT=…  crawl yours
#   make check                set up, then every test: release, asan, tsan
#   make check MODE=asan      one of them        ONLY=ring   tests by name
#   make lib                  libmpipc, shared and static
#   make install DESTDIR=…    PREFIX=/usr/local LIBDIR=$PREFIX/lib; the program
#                             and libmpipc; install-mpipc: that alone
#   make torture              the same promises, long: seeds, kills, cuts by the thousand
#   make conformance          the numbers of tests/data, by the line filters
#   make fuzz                 every harness for a minute, by libFuzzer
#                             FUZZ_TIME=seconds  ONLY=url  JOBS=2
#   make bench                the figures (installs larger sites)
#   make bench-ipc            libmpipc beside Python's multiprocessing and the bare thing
#   make bench-hosts          thousands of hosts, 100,000 in the frontier: who waits for whom
#   make bench-recovery       how long work stands still after a kill

VERSION := 0.1.0
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
ALL_MODES := release asan tsan

# `make check` without a MODE is all of them; everything else is release.
ifeq ($(origin MODE),undefined)
CHECK_MODES := $(ALL_MODES)
MODE := release
else
CHECK_MODES := $(MODE)
endif
ifeq ($(filter $(MODE),release debug asan tsan fuzz),)
$(error MODE=$(MODE): it is one of release debug asan tsan fuzz)
endif
B := build/$(MODE)

# Asked once, and only when something is compiled: before scripts/setup has
# run there is nobody to ask.
once = $(eval $1 := $$(shell $2))$($1)
PKGS        := expat libcurl libpsl libxxhash zlib libssl libcrypto jansson inih icu-uc libpcre2-8 uchardet
PKG_CFLAGS   = $(call once,PKG_CFLAGS,pkg-config --cflags $(PKGS))
PKG_LIBS     = $(call once,PKG_LIBS,pkg-config --libs $(PKGS))
SITE_PKGS   := libssl libnghttp2
SITE_LIBS    = $(call once,SITE_LIBS,pkg-config --libs $(SITE_PKGS))
CHECK_LIBS   = $(call once,CHECK_LIBS,pkg-config --libs check)
# gumbo statically: a call through the PLT per character costs 30 %.
LIB_LIBS     = -l:libgumbo.a -lrocksdb $(PKG_LIBS)

CFLAGS.release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS.debug   := -O0 -g3
CFLAGS.asan    := -O1 -g -fno-omit-frame-pointer \
    -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS.tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
# The harnesses of tests/fuzz, for libFuzzer.  An empty span is NULL and 0, and
# NULL + 0 is NULL wherever there are compilers (C2y says so, too): clang's
# word on pointers that overflow is about little else here.
CFLAGS.fuzz    := -O1 -g -fno-omit-frame-pointer \
    -fsanitize=fuzzer-no-link,address,undefined \
    -fno-sanitize-recover=undefined -fno-sanitize=pointer-overflow
LDFLAGS.release := -Wl,-z,relro,-z,now
LDFLAGS.asan   := -fsanitize=address,undefined
LDFLAGS.tsan   := -fsanitize=thread
LDFLAGS.fuzz   := -fsanitize=fuzzer,address,undefined

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
    -Wold-style-definition -Wvla -Wformat=2 -Wpointer-arith -Wwrite-strings \
    -Wundef -Wno-missing-field-initializers
ifeq ($(CI),true)
WARNINGS += -Werror
endif
# gcc has judged the same files.
ifeq ($(MODE),fuzz)
CC := clang-14
WARNINGS := -w
endif
MY_CFLAGS := -std=gnu11 -D_GNU_SOURCE -DMPCRAWL_VERSION='"$(VERSION)"' -I. \
    -pthread $(WARNINGS)

# V=1 shows the commands.
Q := $(if $(V),,@)
say := $(if $(V),@:,@echo)

# Of libraries that cannot tell it themselves: what was built against.
$B/cmd/command/help.o: private OWN_CFLAGS = \
    -DROCKSDB_VERSION='"$(shell pkg-config --modversion rocksdb)"' \
    -DGUMBO_VERSION='"$(shell pkg-config --modversion gumbo)"'

objs = $(patsubst %.c,$B/%.o,$(sort $(wildcard $1)))
IPC_OBJS := $(call objs,ipc/*.c)
MP_OBJS  := $(call objs,ipc/mp/*.c)
LIB_OBJS := $(call objs,lib/*/*.c)
CMD_OBJS := $(call objs,cmd/*.c cmd/*/*.c cmd/*/*/*.c)
HARNESS  := $(call objs,tests/harness.c)
# A site on loopback that behaves as badly as it is told to; as a program, a
# web of thousands of them.
SITE_OBJS := $(call objs,tests/site/*.c)
IPC := $B/libipc.a
# Python's multiprocessing in C, on top of it; the files of both are called
# alike, so it is an archive of its own.
MP  := $B/libmp.a
# Both again as a library to install; a program links it in no other form.
# The soname's number rises when a program built before would break.
MPIPC_VERSION := 1.0.0
MPIPC_SONAME  := libmpipc.so.1
MPIPC_SO  := $B/libmpipc.so.$(MPIPC_VERSION)
MPIPC_A   := $B/libmpipc.a
MPIPC_MAP := ipc/mp/mpipc.map
MPIPC_HEADERS := $(filter-out %_impl.h,$(sort $(wildcard ipc/mp/*.h)))
PIC_OBJS := $(patsubst %.c,$B/pic/%.o,$(sort $(wildcard ipc/*.c ipc/mp/*.c)))
LIB := $B/liblib.a
CMD := $B/libcmd.a
SITE := $B/libsite.a
WEB := $B/tests/site/web

prog = $(patsubst %.c,$B/%,$(sort $(wildcard $1)))
TESTS_IPC := $(call prog,tests/ipc/*_test.c)
TESTS_LIB := $(call prog,tests/lib/*_test.c)
TESTS_CMD := $(call prog,tests/cmd/*_test.c)
# Stepped one instruction at a time: static, and never sanitised.
TESTS_KILL := $(call prog,tests/kill/*_test.c)
TESTS_FUZZ := $(call prog,tests/fuzz/*_fuzz.c)
SEEDS := build/seeds/made
BENCHES   := $(call prog,tests/bench/*_bench.c)
# Libraries that stand between a program and libc, loaded by LD_PRELOAD.
PRELOADS  := $(patsubst %.c,$B/%.so,$(sort $(wildcard tests/preload/*.c)))
# libmpipc's half of the suite beside Python's module.
PARITY    := $(call prog,tests/ipc/python_parity/parity_*.c tests/ipc/python_parity/kills.c)
E2E       := $(sort $(wildcard tests/e2e/*_test.py tests/ipc/*_test.py))
# Kills, cuts and faults in numbers, and the models: once, in release (a
# sanitised program has its own libc layer).  Longer with LONG=1, `make torture`.
DISASTERS := $(sort $(wildcard tests/model/*_test.py)) $(sort $(wildcard tests/disaster/*_test.py))
# What TSan can judge: threads of one process over the same rings.
TESTS_TSAN := $(call prog,tests/ipc/*_threads_test.c)

TESTS.release := $(TESTS_IPC) $(TESTS_LIB) $(TESTS_CMD) $(TESTS_KILL) $(TESTS_FUZZ)
TESTS.debug   := $(TESTS.release)
TESTS.asan    := $(TESTS_IPC) $(TESTS_LIB) $(TESTS_CMD) $(TESTS_FUZZ)
TESTS.tsan    := $(TESTS_TSAN)
TESTS.fuzz    := $(TESTS_FUZZ)
SCRIPTS.release := scripts/lint $(E2E) $(DISASTERS)
SCRIPTS.debug   := $(E2E) $(DISASTERS)
# What is installed is built with no sanitiser.
SCRIPTS.asan    := $(filter-out tests/e2e/mpipc_install_test.py,$(E2E))
SCRIPTS.tsan    :=
# First, so that the end of a run does not wait for one of them alone.
LONGEST := fsck_test.py poison_test.py trouble_test.py models_test.py \
    crawl_survives_kills_test.py disk_faults_test.py hung_worker_test.py \
    asking_test.py why_test.py resume_and_seeds_test.py power_cut_test.py \
    frontier_kill_test allocation_test mp_context_step_test
longest_first = $(foreach name,$(LONGEST),$(filter %/$(name),$1)) \
    $(filter-out $(addprefix %/,$(LONGEST)),$1)

.PHONY: all lib install-mpipc crawl check check-built conformance torture fuzz bench bench-ipc bench-hosts bench-recovery install clean format tests
.DELETE_ON_ERROR:
.SECONDARY:
all: $B/mpcrawl; @:

LINK = $(Q)$(CC) -pthread $(LDFLAGS.$(MODE)) $(LDFLAGS) -o $@ $(filter %.o %.a,$^)

$B/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(MY_CFLAGS) $(CFLAGS.$(MODE)) $(if $(filter lib/% cmd/% tests/%,$*),$(PKG_CFLAGS)) $(OWN_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# What has no MP_API is nobody else's; calls between those that have it stay
# inside, too.  What a thread keeps is a few words: no call to find them.
$B/pic/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(say) CC -fPIC $<
	$(Q)$(CC) $(MY_CFLAGS) $(CFLAGS.$(MODE)) -fPIC -fvisibility=hidden \
	    -fno-semantic-interposition -ftls-model=initial-exec $(CFLAGS) -MMD -MP -c -o $@ $<

AR_ALL = $(Q)rm -f $@ && $(AR) rcs $@ $^
$(IPC): $(IPC_OBJS); $(AR_ALL)
$(MP): $(MP_OBJS); $(AR_ALL)
$(LIB): $(LIB_OBJS); $(AR_ALL)
$(SITE): $(filter-out $(WEB).o,$(SITE_OBJS)); $(AR_ALL)
# Without main, so that a test of cmd/ brings its own.
$(CMD): $(filter-out $B/cmd/main.o,$(CMD_OBJS)); $(AR_ALL)

$B/mpcrawl: $B/cmd/main.o $(CMD) $(LIB) $(MP) $(IPC)
	$(LINK) $(LIB_LIBS) -lm

lib: $(MPIPC_SO) $(MPIPC_A); @:
$(MPIPC_SO): $(PIC_OBJS) $(MPIPC_MAP)
	$(LINK) -shared -Wl,-soname,$(MPIPC_SONAME) -Wl,-z,defs \
	    -Wl,--version-script=$(MPIPC_MAP)
	$(Q)ln -sf $(@F) $B/$(MPIPC_SONAME) && ln -sf $(MPIPC_SONAME) $B/libmpipc.so
# One object, so that the names its files share can be made local.
$(MPIPC_A): $(PIC_OBJS)
	$(Q)$(LD) -r -o $B/mpipc.o $^ && objcopy --localize-hidden $B/mpipc.o
	$(Q)rm -f $@ && $(AR) rcs $@ $B/mpipc.o

# The layers, proved by linking: a test of ipc/ links ipc/ alone, so a call
# from ipc/ into lib/ cannot link; likewise lib/.
$(TESTS_IPC): $B/%: $B/%.o $(HARNESS) $(MP) $(IPC)
	$(LINK) $(CHECK_LIBS)
$(TESTS_LIB): $B/%: $B/%.o $(HARNESS) $(SITE) $(LIB)
	$(LINK) $(LIB_LIBS) $(SITE_LIBS) $(CHECK_LIBS)
$(PARITY): $B/%: $B/%.o $B/tests/ipc/python_parity/parity.o $(MP) $(IPC)
	$(LINK)
$(WEB): $(WEB).o $(SITE) $(LIB)
	$(LINK) $(LIB_LIBS) $(SITE_LIBS)
$(TESTS_CMD): $B/%: $B/%.o $(HARNESS) $(CMD) $(LIB) $(IPC)
	$(LINK) $(LIB_LIBS) $(CHECK_LIBS)
# With the linker between them and who gives memory (tests/faults.h).
FAULTS_WRAP := malloc calloc realloc reallocarray aligned_alloc strdup strndup \
    asprintf __asprintf_chk opendir fdopendir fopen mmap sem_open iconv_open \
    inflateInit2_ curl_easy_init curl_multi_init curl_url curl_slist_append
TESTS_FAULTS := $(filter %/allocation_test,$(TESTS_IPC) $(TESTS_LIB) $(TESTS_CMD))
$(TESTS_FAULTS): $B/tests/faults.o
$(TESTS_FAULTS): private LDFLAGS += $(foreach f,$(FAULTS_WRAP),-Xlinker --wrap=$f)
$(TESTS_KILL): $B/%: $B/%.o $(MP) $(IPC)
	$(LINK) -static
# By a main of our own, or by libFuzzer's.
$(TESTS_FUZZ): $B/%: $B/%.o $(if $(filter fuzz,$(MODE)),,$B/tests/fuzz/driver.o) $(CMD) $(LIB) $(IPC) | $(SEEDS)
	$(LINK) $(LIB_LIBS)
# It brings stand-ins for what requests set off; they come first.
$B/tests/fuzz/control_fuzz: private LDFLAGS += -Wl,--allow-multiple-definition
$(SEEDS): scripts/fuzz-seeds $(wildcard tests/data/*/* tests/data/*/*/*)
	$(Q)scripts/fuzz-seeds $(@D)
	@touch $@
BENCHES_MPIPC := $B/tests/bench/mpipc_bench $B/tests/bench/queue_bench
$(filter-out $(BENCHES_MPIPC),$(BENCHES)): $B/%: $B/%.o $(SITE) $(LIB) $(IPC)
	$(LINK) $(LIB_LIBS) $(SITE_LIBS)
# As whoever installs it links it; the conveyor in there is not to be had.
$(BENCHES_MPIPC): $B/%: $B/%.o $(MPIPC_SO) $(IPC)
	$(LINK) -L$B -lmpipc -Wl,-rpath,'$$ORIGIN/../..'

$(PRELOADS): $B/%.so: %.c Makefile
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(MY_CFLAGS) $(CFLAGS.$(MODE)) $(CFLAGS) -fPIC -shared -o $@ $< -ldl

tests: $(TESTS.$(MODE)) $(if $(filter fuzz,$(MODE)),,$(PRELOADS) $(WEB) $(PARITY))

# Set-up comes first, and the rest in a make of its own: only then can
# pkg-config answer.  Results of all modes are added up in one tally.
check:
	@scripts/setup
	@rm -f build/check.tally
	@for mode in $(CHECK_MODES); do \
	    $(MAKE) --no-print-directory MODE=$$mode check-built || exit 1; \
	done
	@scripts/run-tests --total build/check.tally

check-built: $(if $(filter tsan,$(MODE)),,$B/mpcrawl $(PRELOADS) $(WEB) $(PARITY)) $(if $(filter release debug,$(MODE)),lib) $(TESTS.$(MODE))
	@BUILD=$B ONLY='$(ONLY)' scripts/run-tests --tally build/check.tally \
	    $(call longest_first,$(SCRIPTS.$(MODE)) $(TESTS.$(MODE)))

crawl:
	@scripts/setup
	@$(MAKE) --no-print-directory MODE=release all
	@BUILD=build/release scripts/crawl '$(URL)' '$(CONTACT)'

torture:
	@scripts/setup
	@$(MAKE) --no-print-directory MODE=release all tests
	@BUILD=build/release scripts/torture $(DISASTERS) \
	    tests/e2e/poison_test.py tests/e2e/fsck_test.py \
	    $(filter build/release/%,$(TESTS_KILL) $(TESTS_FAULTS) $(TESTS_TSAN) $(TESTS_FUZZ))

conformance:
	@scripts/setup
	@$(MAKE) --no-print-directory MODE=release all
	@BUILD=build/release /usr/bin/python3 tests/e2e/conformance_test.py

fuzz:
	@scripts/setup --fuzz
	@$(MAKE) --no-print-directory MODE=fuzz tests
	@ONLY='$(ONLY)' scripts/fuzz $(patsubst tests/fuzz/%.c,build/fuzz/tests/fuzz/%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))

bench:
	@scripts/setup --bench
	@$(MAKE) --no-print-directory MODE=release all $(patsubst $B/%,build/release/%,$(BENCHES))
	@BUILD=build/release scripts/bench

bench-ipc:
	@scripts/setup
	@$(MAKE) --no-print-directory MODE=release build/release/tests/bench/queue_bench build/release/tests/bench/mpipc_bench
	@BUILD=build/release scripts/bench-ipc

bench-hosts:
	@scripts/setup
	@$(MAKE) --no-print-directory MODE=release all build/release/tests/site/web \
	    build/release/tests/bench/frontier_hosts_bench
	@build/release/tests/bench/frontier_hosts_bench
	@BUILD=build/release scripts/bench-hosts

bench-recovery:
	@scripts/setup
	@$(MAKE) --no-print-directory MODE=release all
	@BUILD=build/release scripts/bench-recovery

install: all install-mpipc
	install -D -m 755 $B/mpcrawl $(DESTDIR)$(PREFIX)/bin/mpcrawl
	install -D -m 644 README.md $(DESTDIR)$(PREFIX)/share/doc/mpcrawl/README.md
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/mpcrawl/LICENSE

# The tree's "ipc/mp/x.h" is <mpipc/x.h> there, and <mpipc/mpipc.h> all of them;
# a page of the manual is found by each of its functions.
INC := $(DESTDIR)$(PREFIX)/include/mpipc
DOC := $(DESTDIR)$(PREFIX)/share/doc/mpipc
MAN := $(DESTDIR)$(PREFIX)/share/man
install-mpipc: lib
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(INC) $(DOC)
	install -m 644 $(MPIPC_SO) $(MPIPC_A) $(DESTDIR)$(LIBDIR)
	ln -sf $(notdir $(MPIPC_SO)) $(DESTDIR)$(LIBDIR)/$(MPIPC_SONAME)
	ln -sf $(MPIPC_SONAME) $(DESTDIR)$(LIBDIR)/libmpipc.so
	for header in $(notdir $(MPIPC_HEADERS)); do \
	    sed 's,"ipc/mp/\(.*\)",<mpipc/\1>,' ipc/mp/$$header >$(INC)/$$header && \
	    echo "#include <mpipc/$$header>" || exit 1; \
	done >$(INC)/mpipc.h
	sed 's,@PREFIX@,$(PREFIX),; s,@LIBDIR@,$(LIBDIR),; s,@VERSION@,$(MPIPC_VERSION),' \
	    ipc/mp/mpipc.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/mpipc.pc
	install -d $(DOC)/examples
	install -m 644 ipc/README.md LICENSE $(DOC)
	install -m 644 ipc/examples/Makefile $(wildcard ipc/examples/*.c) $(DOC)/examples
	install -d $(MAN)/man3 $(MAN)/man7
	install -m 644 ipc/man/*.3 $(MAN)/man3
	install -m 644 ipc/man/*.7 $(MAN)/man7
	cd $(MAN)/man3 && for page in $(notdir $(wildcard ipc/man/*.3)); do \
	    sed -n 's/^\.Fo //p' $$page | while read -r name; do \
	        [ $$name.3 = $$page ] || ln -sf $$page $$name.3; done; done

format:
	git ls-files '*.[ch]' | xargs clang-format -i

clean:
	rm -rf build

-include $(patsubst %.o,%.d,$(IPC_OBJS) $(MP_OBJS) $(PIC_OBJS) $(LIB_OBJS) $(CMD_OBJS) $(HARNESS) $B/tests/faults.o $B/tests/fuzz/driver.o $(SITE_OBJS))
-include $(addsuffix .d,$(TESTS.release) $(BENCHES) $(PARITY) $B/tests/ipc/python_parity/parity)
