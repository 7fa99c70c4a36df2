#!/usr/bin/python3
"""libmpipc as somebody finds it who installed it: headers for C and C++,
pkg-config, which names the libraries have, the examples built against it."""

import glob
import os
import re
import subprocess
import sys

from harness import BUILD, PATIENCE, TOP, check, main, same, same_set

STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
C11 = ["gcc", "-std=c11", *STRICT]
CXX17 = ["g++", "-std=c++17", *STRICT]
PREFIX, LIBDIR = "/opt/mp", "/opt/mp/lib/some-triplet"
FUNCTION = re.compile(r"\bMP_API\b[^;{]*?\b(mp_\w+)\s*\(")


def run(words, **environment):
    """What it printed; it must succeed."""
    # A make of ours is not one of the make that runs us.
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(words, cwd=TOP, env={**env, **environment}, text=True,
                          capture_output=True, timeout=50 * PATIENCE, check=False)
    check(done.returncode == 0,
          lambda: f"{' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Installed:
    def __init__(self, t, target="install-mpipc"):
        self.root = t.path("root")
        run(["make", target, f"MODE={os.path.basename(BUILD)}", f"DESTDIR={self.root}",
             f"PREFIX={PREFIX}", f"LIBDIR={LIBDIR}"])
        self.lib, self.include = self.root + LIBDIR, self.root + PREFIX + "/include"
        self.headers = sorted(os.path.basename(path)
                              for path in glob.glob(self.include + "/mpipc/*"))

    def names(self):
        """Everything that is there, folders aside."""
        return {os.path.relpath(os.path.join(folder, file), self.root + PREFIX)
                for folder, _, files in os.walk(self.root) for file in files}

    def environment(self):
        """In which programs are built and run that use it, where it stands now."""
        return {"PKG_CONFIG_LIBDIR": self.lib + "/pkgconfig", "PKG_CONFIG_SYSROOT_DIR": self.root,
                "LD_LIBRARY_PATH": self.lib}

    def flags(self, *words):
        return run(["pkg-config", *words, "mpipc"], **self.environment()).split()

    def declared(self):
        """The functions of each header."""
        functions = {}
        for header in self.headers:
            with open(os.path.join(self.include, "mpipc", header), encoding="ascii") as f:
                text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.DOTALL)
            functions[header] = FUNCTION.findall(text)
        return functions


def symbols(words):
    """(name with its version, type) of what a library defines for others."""
    lines = [line.split() for line in run(["nm", *words]).splitlines()]
    return [(line[2], line[1]) for line in lines if len(line) == 3 and line[1].isupper()]


PROGRAM = """
#include <mpipc/mpipc.h>
#include <stdio.h>

int
main(void)
{
	struct mp_context *ctx;

	if (mp_cpu_count() < 1 || mp_context_open(NULL, NULL, &ctx) != 0)
		return 1;
	printf("%d %s\\n", mp_context_seat(ctx), mp_strerror(MP_EFULL));
	mp_context_close(ctx);
	return 0;
}
"""
SAYS = "1 the queue is full\n"


def test_what_is_installed_and_nothing_else(t):
    at = Installed(t, "install")
    lib = os.path.relpath(LIBDIR, PREFIX)
    sources = [os.path.basename(path) for path in glob.glob(os.path.join(TOP, "ipc/mp/*.h"))]
    names = {"bin/mpcrawl", "share/doc/mpcrawl/README.md", "share/doc/mpcrawl/LICENSE",
             "share/doc/mpipc/README.md", "share/doc/mpipc/LICENSE", "include/mpipc/mpipc.h",
             f"{lib}/pkgconfig/mpipc.pc", f"{lib}/libmpipc.a", f"{lib}/libmpipc.so",
             f"{lib}/libmpipc.so.1", f"{lib}/libmpipc.so.1.0.0"}
    names |= {f"include/mpipc/{name}" for name in sources if not name.endswith("_impl.h")}
    names |= {f"share/doc/mpipc/examples/{os.path.basename(path)}"
              for path in glob.glob(os.path.join(TOP, "ipc/examples/*"))}
    # Of the manual: what is in ipc/man, and a link a function.
    pages = {os.path.basename(path) for path in glob.glob(os.path.join(TOP, "ipc/man/*"))}
    pages |= {f"{name}.3" for functions in at.declared().values() for name in functions}
    names |= {f"share/man/man{page[-1]}/{page}" for page in pages}
    same_set(at.names(), names, "installed")
    for link in "libmpipc.so", "libmpipc.so.1":
        same(os.path.realpath(f"{at.lib}/{link}"), f"{at.lib}/libmpipc.so.1.0.0", link)
    lock, acquire = (run(["mandoc", f"{at.root}{PREFIX}/share/man/man3/{name}.3"])
                     for name in ("mp_lock", "mp_rlock_acquire"))
    same(acquire, lock, "the page of mp_rlock_acquire()")
    check("[libmpipc.so.1]" in run(["readelf", "-d", f"{at.lib}/libmpipc.so"]), "the soname")


def test_each_header_stands_alone_in_c_and_in_cxx(t):
    at = Installed(t)
    for header in at.headers:
        with open(os.path.join(at.include, "mpipc", header), encoding="ascii") as f:
            text = f.read()
        check('#include "' not in text and "_impl" not in text, f"{header} leads back to the tree")
        # Twice: guarded, too.
        t.write("alone.c", f"#include <mpipc/{header}>\n" * 2)
        for compiler in C11, [*CXX17, "-x", "c++"]:
            run([*compiler, "-fsyntax-only", *at.flags("--cflags"), t.path("alone.c")])


def test_pkg_config_builds_a_program_in_c_and_in_cxx(t):
    at = Installed(t)
    same(at.flags("--modversion"), ["1.0.0"], "version")
    t.write("program.c", PROGRAM)
    for compiler in C11, [*CXX17, "-x", "c++"]:
        for how in [], ["-static"]:
            flags = at.flags("--cflags", "--libs", *(["--static"] if how else []))
            run([*compiler, *how, "-o", t.path("program"), t.path("program.c"), *flags])
            same(run([t.path("program")], **at.environment()), SAYS, f"{compiler[0]} {how}")


def test_the_libraries_have_the_names_of_the_headers_and_no_others(t):
    at = Installed(t)
    exported = [name for name, kind in symbols(["-D", f"{at.lib}/libmpipc.so"]) if kind in "TDBR"]
    declared = [name for names in at.declared().values() for name in names]
    same(sorted(set(declared)), sorted(declared), "declared once")
    same_set(exported, [f"{name}@@MPIPC_1.0" for name in declared], "libmpipc.so")
    same_set([name for name, kind in symbols([f"{at.lib}/libmpipc.a"]) if kind not in "UW"],
             declared, "libmpipc.a")


def test_the_guide_shows_the_examples_and_what_they_print(t):
    at = Installed(t)
    doc = at.root + PREFIX + "/share/doc/mpipc"
    with open(f"{doc}/README.md", encoding="utf-8") as f:
        guide = f.read()
    sources = glob.glob(f"{doc}/examples/*.c")
    same(len(sources), 3, "examples")
    for how in [], ["STATIC=1"]:
        run(["make", "-B", "-C", f"{doc}/examples", "CFLAGS=-O2 -Werror", *how],
            **at.environment())
        for source in sources:
            program = source.removesuffix(".c")
            with open(source, encoding="ascii") as f:
                text = f.read()
            shown = guide.partition(f"```c\n{text}```\n")[2]
            check(shown, f"{source} is not what the guide shows")
            says = re.match(r"\s*```\n(.*?)```\n", shown, re.DOTALL)
            check(says, f"the guide does not say what {program} prints")
            same(run([program], **at.environment()), says[1], f"{program} {how}")


if __name__ == "__main__":
    sys.exit(main())
