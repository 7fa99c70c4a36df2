// What the Encoding Standard makes of bytes, as digests: decoded.tsv, and
// encoded.tsv for the other direction.  charset_standard_test reads them.
//
//   node standard.mjs check
//       This Node's TextDecoder beside decoded.tsv.  Rows that differ have to
//       be listed below, with the reason; else the exit status is 1.
//   node standard.mjs show ENCODING PREFIX [DIR]
//       The text of each sequence of one row, to find the first that differs.
//   node standard.mjs write DIR
//       Both files anew, from an implementation of the Standard in JavaScript:
//       `npm pack @exodus/bytes`, unpacked into DIR (MIT; 1.16.0 was used).
//
// A row of decoded.tsv: encoding, prefix, digest.  The prefix is in hex; the
// row speaks of the prefix followed by each byte, 00 to ff, each sequence
// decoded alone.  An odd digit at its end stands for 16 prefixes: "8" is 80 to
// 8f.  "ranges" are the four-byte sequences of gb18030, "random" what the
// generator below makes.  The digest is of their UTF-8, an ff behind each.
// A row of encoded.tsv: encoding, the first of 4,096 code points, digest of
// their queries, likewise.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = dirname(fileURLToPath(import.meta.url))
const SINGLE = `ibm866 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6
  iso-8859-7 iso-8859-8 iso-8859-8-i iso-8859-10 iso-8859-13 iso-8859-14
  iso-8859-15 iso-8859-16 koi8-r koi8-u macintosh windows-874 windows-1250
  windows-1251 windows-1252 windows-1253 windows-1254 windows-1255
  windows-1256 windows-1257 windows-1258 x-mac-cyrillic
  x-user-defined`.split(/\s+/)
const MULTI = ['big5', 'euc-jp', 'euc-kr', 'gb18030', 'gbk', 'iso-2022-jp',
  'shift_jis']
const UNICODE = ['utf-8', 'utf-16be', 'utf-16le']

// Where a Node is not the Standard: encoding, rows, reason.  A row may agree
// all the same: it depends on Node's version and its ICU.
const NODE_DIFFERS = [
  ['windows-1252', /./, 'is latin1 in 20.18.3, 22.13 and later (node#60888)'],
  ['iso-8859-16', /./, 'not supported (node#61041)'],
  ['x-user-defined', /./, 'not supported (node#61041)'],
  ['ibm866', /./, 'ICU exchanges control characters (node#61041)'],
  ['koi8-u', /./, 'ICU has RFC 2319 without AE and BE'],
  ['windows-874', /./, 'ICU has private characters in its holes'],
  ['windows-1253', /./, 'ICU maps AA, which is free'],
  ['windows-1255', /./, 'ICU maps CA to nothing'],
  ['big5', /./, 'ICU: windows-950, private characters, no resynchronising'],
  ['euc-kr', /./, 'ICU: KS C 5601 alone, private characters'],
  ['euc-jp', /./, 'ICU: JIS X 0212 differs, C1 controls pass'],
  ['shift_jis', /./, 'ICU: 1A, 1C and 7F turn round, private characters'],
  ['iso-2022-jp', /./, 'ICU: escape sequences of all its versions'],
  ['gbk', /./, 'ICU: windows-936, no four-byte sequences'],
  ['gb18030', /^([af]|ranges|random)$/, 'ICU before 74: edition of 2005'],
]

// Bytes that meet each decoder's states; the test has the same generator.
function* random() {
  const LIKELY = '\x1b$(BJI@09<"a\x0e\x5c\x7e~'
  let x = 20240229
  const next = () => {
    x ^= x << 13
    x >>>= 0
    x ^= x >>> 17
    x ^= x << 5
    return (x >>>= 0)
  }
  for (let i = 0; i < 20000; i++) {
    const bytes = new Uint8Array(1 + (next() % 12))
    for (let k = 0; k < bytes.length; k++) {
      const how = next() % 4
      const n = next() >>> 8
      bytes[k] = how === 0 ? n & 0xff
        : how === 1 ? 0x80 | (n & 0x7f)
          : how === 2 ? LIKELY.charCodeAt(n % LIKELY.length)
            : 0xa1 + (n % 94)
    }
    yield bytes
  }
}

function* ranges() {
  const four = (p) => Uint8Array.of(0x81 + Math.floor(p / 12600),
    0x30 + (Math.floor(p / 1260) % 10), 0x81 + (Math.floor(p / 10) % 126),
    0x30 + (p % 10))
  for (let p = 0; p < 39500; p++) yield four(p)
  for (let p = 188000; p < 190000; p++) yield four(p)
  for (let p = 190000; p < 1237000; p += 97) yield four(p)
  for (let p = 1237000; p < 1238000; p++) yield four(p)
}

function* prefixed(prefix) {
  const digits = prefix.length % 2 ? [...'0123456789abcdef'] : ['']
  for (const digit of digits) {
    const head = Buffer.from(prefix + digit, 'hex')
    for (let c = 0; c < 256; c++) yield Buffer.concat([head, Buffer.of(c)])
  }
}

function sequences(prefix) {
  return prefix === 'ranges' ? ranges() : prefix === 'random' ? random()
    : prefixed(prefix === '-' ? '' : prefix)
}

function rows() {
  const list = []
  const all = [...'0123456789abcdef']
  for (const encoding of SINGLE) list.push([encoding, '-'])
  for (const encoding of [...MULTI, ...UNICODE]) {
    list.push([encoding, '-'])
    for (const digit of all) list.push([encoding, digit])
    if (encoding === 'euc-jp')
      for (const digit of all) list.push([encoding, '8f' + digit])
    if (encoding === 'iso-2022-jp') {
      for (const escape of ['1b2442', '1b2849', '1b284a', '1b24', '1b28',
        '1b28421b28', '1b28421b24', '1b24421b28', '1b2442211b28'])
        list.push([encoding, escape])
      for (const digit of all) list.push([encoding, '1b2442' + digit])
    }
    if (encoding.startsWith('gb')) list.push([encoding, 'ranges'])
    list.push([encoding, 'random'])
  }
  return list
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
function digest(parts) {
  const hash = createHash('sha1').update(Buffer.concat(parts)).digest()
  let text = ''
  for (let i = 0, bits = 0n; i < 5; i++) {
    bits = (bits << 8n) | BigInt(hash[i])
    if (i === 4)
      for (let k = 7; k >= 0; k--)
        text += BASE32[Number((bits >> BigInt(5 * k)) & 31n)]
  }
  return text
}

const END = Buffer.of(0xff)
function digestDecoded(decode, prefix) {
  const parts = []
  for (const bytes of sequences(prefix))
    parts.push(Buffer.from(decode(bytes), 'utf8'), END)
  return digest(parts)
}

function nodeDecoder(encoding) {
  const decoder = new TextDecoder(encoding, { ignoreBOM: true })
  return (bytes) => decoder.decode(bytes)
}

async function standard(dir) {
  const load = (file) => import(join(resolve(dir), 'fallback', file))
  const single = await load('single-byte.js')
  const multi = await load('multi-byte.js')
  const upperOf = (encoding) => { // its end may be left out: as in latin1
    const upper = single.getEncoding(encoding)
    return Array.from({ length: 128 }, (_, i) => upper[i] ?? 128 + i)
  }
  const decoder = (encoding) => {
    if (UNICODE.includes(encoding)) return nodeDecoder(encoding)
    if (MULTI.includes(encoding)) return multi.multibyteDecoder(encoding, true)
    const upper = upperOf(encoding)
    return (bytes) => String.fromCharCode(
      ...Array.from(bytes, (c) => (c < 128 ? c : upper[c - 128])))
  }
  const encoder = (encoding) => {
    if (MULTI.includes(encoding)) {
      const encode = multi.multibyteEncoder(encoding)
      return (cp) => {
        try {
          return encode(String.fromCodePoint(cp))
        } catch {
          return null
        }
      }
    }
    const upper = upperOf(encoding)
    return (cp) => {
      const at = cp === 0xfffd ? -1 : upper.indexOf(cp)
      return at < 0 ? null : Uint8Array.of(128 + at)
    }
  }
  return { decoder, encoder }
}

// The URL Standard's "percent-encode after encoding", special-query set.
function query(bytes, cp) {
  if (bytes === null) return `%26%23${cp}%3B`
  let text = ''
  for (const c of bytes) {
    const plain = c > 0x20 && c < 0x7f && !'"#<>\''.includes(String.fromCharCode(c))
    text += plain ? String.fromCharCode(c)
      : '%' + c.toString(16).toUpperCase().padStart(2, '0')
  }
  return text
}

function digestEncoded(encode, first) {
  const parts = []
  for (let cp = Math.max(first, 0x80); cp < first + 4096; cp++)
    if (cp < 0xd800 || cp > 0xdfff)
      parts.push(Buffer.from(query(encode(cp), cp)), END)
  return digest(parts)
}

function* blocks() {
  for (let first = 0; first < 0x30000; first += 0x1000) yield first
  yield 0x10f000
}

async function write(dir) {
  const { decoder, encoder } = await standard(dir)
  let text = ''
  for (const [encoding, prefix] of rows())
    text += `${encoding}\t${prefix}\t${digestDecoded(decoder(encoding), prefix)}\n`
  writeFileSync(join(HERE, 'decoded.tsv'), text)
  text = ''
  for (const encoding of [...SINGLE, ...MULTI]) {
    const encode = encoder(encoding)
    for (const first of SINGLE.includes(encoding) ? [0, 0x2000, 0xf000] : blocks())
      text += `${encoding}\t${first.toString(16)}\t${digestEncoded(encode, first)}\n`
  }
  writeFileSync(join(HERE, 'encoded.tsv'), text)
}

function check() {
  const lines = readFileSync(join(HERE, 'decoded.tsv'), 'utf8').trim().split('\n')
  const differs = new Map()
  let same = 0
  let bad = 0
  for (const line of lines) {
    const [encoding, prefix, want] = line.split('\t')
    let got
    try {
      got = digestDecoded(nodeDecoder(encoding), prefix)
    } catch {
      got = 'none'
    }
    if (got === want) {
      same++
      continue
    }
    const known = NODE_DIFFERS.find(
      ([name, row]) => name === encoding && row.test(prefix))
    if (known) {
      const key = `${encoding}: ${known[2]}`
      differs.set(key, (differs.get(key) ?? 0) + 1)
    } else {
      bad++
      console.log(`${encoding} ${prefix}: ${got}, not ${want}`)
    }
  }
  console.log(`node ${process.version}, ICU ${process.versions.icu}: ` +
    `${same} of ${lines.length} rows are the Standard's`)
  for (const [key, n] of differs) console.log(`  ${n} rows differ: ${key}`)
  return bad === 0
}

async function show(encoding, prefix, dir) {
  const decode = dir ? (await standard(dir)).decoder(encoding)
    : nodeDecoder(encoding)
  for (const bytes of sequences(prefix))
    console.log(Buffer.from(bytes).toString('hex'), [...decode(bytes)]
      .map((c) => c.codePointAt(0).toString(16)).join(' '))
}

const [word, ...rest] = process.argv.slice(2)
if (word === 'write') await write(rest[0])
else if (word === 'show') await show(...rest)
else if (word === 'check') process.exitCode = check() ? 0 : 1
else {
  console.error('usage: standard.mjs check | show ENCODING PREFIX [DIR] | write DIR')
  process.exitCode = 2
}
