/// A value with its name and place: reads what is expected there, and says what is wrong where.
struct Field: Sendable {
  /// The file, or whatever else the text came from.
  let file: String
  /// Keys from the top, such as `predict.order`; empty at the top.
  let name: String
  let document: Document
  /// Whether the text is one line, whose number says nothing.
  var isLine = false

  /// `file, line 3: message`.
  func fault(_ message: String) -> PolicyError {
    PolicyError(isLine ? "\(file): \(message)" : "\(file), line \(document.line): \(message)")
  }

  /// `file, line 3: name is …; it takes …`.
  func refused(_ allowed: String) -> PolicyError {
    fault("\(name.isEmpty ? "the whole" : name) is \(document.shown); it takes \(allowed)")
  }

  private func inner(_ key: String, _ document: Document) -> Field {
    Field(file: file, name: name.isEmpty ? key : "\(name).\(key)", document: document, isLine: isLine)
  }

  /// The members of a group of keys, each of which must be known.
  func members(_ known: [String]) throws -> Members {
    guard case .mapping(let written) = document.value else {
      throw refused("keys out of " + known.joined(separator: ", "))
    }
    var fields: [String: Field] = [:]
    for (key, value) in written {
      guard known.contains(key) else {
        throw inner(key, value).fault(
          "\(name.isEmpty ? "there" : name) \(name.isEmpty ? "is" : "has") no key '\(key)'"
            + "\(Spelling.hint(for: key, in: known)); known are \(known.joined(separator: ", "))")
      }
      guard fields[key] == nil else { throw inner(key, value).fault("\(key) is given twice") }
      fields[key] = inner(key, value)
    }
    return Members(owner: self, fields: fields)
  }

  /// Names and values of a group whose keys are free.
  func entries() throws -> [(key: String, field: Field)] {
    guard case .mapping(let written) = document.value else { throw refused("names with their values") }
    var seen: Set<String> = []
    return try written.map { key, value in
      guard seen.insert(key).inserted else { throw inner(key, value).fault("\(key) is given twice") }
      return (key, inner(key, value))
    }
  }

  var isMapping: Bool {
    if case .mapping = document.value { true } else { false }
  }

  var isList: Bool {
    if case .list = document.value { true } else { false }
  }

  var isNull: Bool {
    if case .scalar(let text, isQuoted: false) = document.value {
      ["null", "~", ""].contains(text)
    } else {
      false
    }
  }

  /// Its items, named `name[0]`, `name[1]`, ….
  func items(_ allowed: String = "a list") throws -> [Field] {
    guard case .list(let items) = document.value else { throw refused(allowed) }
    return items.enumerated().map {
      Field(file: file, name: "\(name)[\($0)]", document: $1, isLine: isLine)
    }
  }

  private var bare: String? {
    if case .scalar(let text, isQuoted: false) = document.value { text } else { nil }
  }

  /// A finite number.
  func real(in range: ClosedRange<Double> = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude)
    throws -> Double
  {
    guard let bare, let number = Double(bare), range.contains(number) else {
      throw refused(
        range.lowerBound == -Double.greatestFiniteMagnitude
          ? "a number" : Parameter("", .real(range), default: nil, "").allowed)
    }
    return number
  }

  func integer(in range: ClosedRange<Int>) throws -> Int {
    guard let bare, let number = Int(bare), range.contains(number) else {
      throw refused(Parameter("", .integer(range), default: nil, "").allowed)
    }
    return number
  }

  func flag() throws -> Bool {
    switch bare {
    case "true": true
    case "false": false
    default: throw refused("true or false")
    }
  }

  /// A text, quoted or not.
  func text(_ allowed: String = "a text") throws -> String {
    guard case .scalar(let text, _) = document.value, !text.isEmpty else { throw refused(allowed) }
    return text
  }

  func choice(_ names: [String]) throws -> String {
    let allowed = "one of " + names.joined(separator: ", ")
    guard case .scalar(let text, _) = document.value else { throw refused(allowed) }
    guard names.contains(text) else {
      throw fault("\(name) is '\(text)'\(Spelling.hint(for: text, in: names)); it takes \(allowed)")
    }
    return text
  }

  func reals() throws -> [Double] { try items("a list of numbers").map { try $0.real() } }
}

/// The members of a group of keys.
struct Members {
  let owner: Field
  var fields: [String: Field]

  subscript(key: String) -> Field? { fields[key] }

  func required(_ key: String, _ allowed: String) throws -> Field {
    guard let field = fields[key] else {
      throw owner.fault("\(owner.name.isEmpty ? "" : owner.name + " ")needs \(key): \(allowed)")
    }
    return field
  }

  /// Throws unless the member `format` is that one and `version` is known; `kind` is what says so, such as
  /// "a calibration". Answers the version.
  @discardableResult
  func require(format: String, of kind: String, versions: ClosedRange<Int>) throws -> Int {
    let found = try required("format", "\"\(format)\"").text()
    guard found == format else {
      throw fields["format"]!.fault("format is '\(found)'; \(kind) says '\(format)'")
    }
    let number = try required("version", "\(versions.upperBound)").integer(in: 0...1_000_000)
    guard versions.contains(number) else {
      throw fields["version"]!.fault(
        "version is \(number); this wctrace reads version "
          + versions.map(String.init).joined(separator: " and "))
    }
    return number
  }
}
