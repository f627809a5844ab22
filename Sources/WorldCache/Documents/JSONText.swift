/// Reads JSON (RFC 8259), strictly: no comments, no trailing commas, no NaN.
struct JSONText {
  private let bytes: [UInt8]
  private let name: String
  private let isLine: Bool
  private var place = 0
  private var line = 1
  private var depth = 0

  /// `isLine` for a text of one line, whose number says nothing.
  static func parse(_ text: String, of name: String, isLine: Bool = false) throws -> Document {
    var reader = JSONText(bytes: Array(text.utf8), name: name, isLine: isLine)
    let document = try reader.value()
    reader.skipBlanks()
    guard reader.place == reader.bytes.count else { throw reader.fault("there is more after the end") }
    return document
  }

  private init(bytes: [UInt8], name: String, isLine: Bool) {
    self.bytes = bytes
    self.name = name
    self.isLine = isLine
  }

  private func fault(_ message: String) -> PolicyError {
    PolicyError(
      isLine ? "\(name): this is not JSON: \(message)" : "\(name), line \(line): this is not JSON: \(message)"
    )
  }

  private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

  private mutating func skipBlanks() {
    while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
      if byte == 0x0A { line += 1 }
      place += 1
    }
  }

  private mutating func take(_ character: Character) -> Bool {
    skipBlanks()
    guard next == character.asciiValue else { return false }
    place += 1
    return true
  }

  private mutating func value() throws -> Document {
    skipBlanks()
    let start = line
    depth += 1
    defer { depth -= 1 }
    guard depth <= 64 else { throw fault("it is nested more than 64 deep") }
    switch next {
    case UInt8(ascii: "{"): return Document(value: .mapping(try members()), line: start)
    case UInt8(ascii: "["): return Document(value: .list(try items()), line: start)
    case UInt8(ascii: "\""): return Document(value: .scalar(try string(), isQuoted: true), line: start)
    case nil: throw fault("it ends where a value should stand")
    default: return Document(value: .scalar(try word(), isQuoted: false), line: start)
    }
  }

  private mutating func members() throws -> [(key: String, value: Document)] {
    place += 1
    var members: [(key: String, value: Document)] = []
    if take("}") { return members }
    while true {
      skipBlanks()
      guard next == UInt8(ascii: "\"") else { throw fault("a key in double quotes should stand here") }
      let key = try string()
      guard take(":") else { throw fault("a colon should follow the key \"\(key)\"") }
      members.append((key, try value()))
      if take("}") { return members }
      guard take(",") else { throw fault("a comma or } should follow the value of \"\(key)\"") }
    }
  }

  private mutating func items() throws -> [Document] {
    place += 1
    var items: [Document] = []
    if take("]") { return items }
    while true {
      items.append(try value())
      if take("]") { return items }
      guard take(",") else { throw fault("a comma or ] should follow item \(items.count) of the list") }
    }
  }

  private mutating func word() throws -> String {
    let start = place
    while let byte = next, !Array(" \t\r\n,]}:[{\"".utf8).contains(byte) { place += 1 }
    let word = String(decoding: bytes[start..<place], as: UTF8.self)
    guard ["true", "false", "null"].contains(word) || JSONText.isNumber(bytes[start..<place]) else {
      throw fault(word.isEmpty ? "a value should stand here" : "'\(word.prefix(40))' is no value")
    }
    return word
  }

  // -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?, by hand: a file may hold thousands of numbers.
  private static func isNumber(_ bytes: ArraySlice<UInt8>) -> Bool {
    var rest = bytes
    func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    func digits() -> Int {
      let count = rest.prefix(while: isDigit).count
      rest = rest.dropFirst(count)
      return count
    }
    func skip(_ characters: String) -> Bool {
      guard let first = rest.first, characters.utf8.contains(first) else { return false }
      rest = rest.dropFirst()
      return true
    }
    _ = skip("-")
    let isZero = rest.first == UInt8(ascii: "0")
    let whole = digits()
    guard whole > 0, !isZero || whole == 1 else { return false }
    if skip(".") { guard digits() > 0 else { return false } }
    if skip("eE") {
      _ = skip("+-")
      guard digits() > 0 else { return false }
    }
    return rest.isEmpty
  }

  private mutating func string() throws -> String {
    place += 1
    var text: [UInt16] = []
    var plain: [UInt8] = []
    func decoded(_ bytes: [UInt8]) -> [UInt16] { Array(String(decoding: bytes, as: UTF8.self).utf16) }
    while let byte = next {
      place += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text + decoded(plain), as: UTF16.self)
      case ..<0x20: throw fault("a text in quotes runs over the end of its line")
      case UInt8(ascii: "\\"):
        text += decoded(plain)
        plain = []
        text.append(try escape())
      default: plain.append(byte)
      }
    }
    throw fault("a text in quotes does not end")
  }

  private mutating func escape() throws -> UInt16 {
    guard let byte = next else { throw fault("a text in quotes does not end") }
    place += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt16(byte)
    case UInt8(ascii: "b"): return 0x08
    case UInt8(ascii: "f"): return 0x0C
    case UInt8(ascii: "n"): return 0x0A
    case UInt8(ascii: "r"): return 0x0D
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "u"):
      guard place + 4 <= bytes.count,
        let unit = UInt16(String(decoding: bytes[place..<(place + 4)], as: UTF8.self), radix: 16)
      else { throw fault("four hexadecimal digits should follow \\u") }
      place += 4
      return unit
    default: throw fault("\\\(Character(UnicodeScalar(byte))) is no escape")
    }
  }
}
