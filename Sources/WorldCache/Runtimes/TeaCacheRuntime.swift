/// JSON with the attributes that TeaCache's scripts set on the model's class (ali-vilab/TeaCache 7c10efc).
///
/// `{"attributes": {…}, "policy": …}`. Wan's script counts the evaluations of both guidance branches and has a
/// threshold of another name; `coefficients` is an attribute there, and stands within `teacache_forward` elsewhere.
enum TeaCacheRuntime {
  static let runtime = Runtime(
    name: "teacache", summary: "JSON with the attributes that TeaCache's scripts set", endings: ["json"],
    write: write, read: read)

  static let plain = ["num_steps", "rel_l1_thresh", "coefficients"]
  static let wan = [
    "num_steps", "teacache_thresh", "coefficients", "use_ref_steps", "ret_steps", "cutoff_steps",
  ]

  private static func write(_ request: RuntimeRequest) throws -> RuntimeFile {
    guard request.name == "teacache" else {
      throw PolicyError("TeaCache's attributes describe teacache alone, not \(request.name)")
    }
    try request.require("absolute", "no", for: "TeaCache's scripts")
    try request.require("forced", "ends", "calls", for: "TeaCache's scripts")
    let calls = try request.calls(for: "TeaCache")
    let coefficients = try coefficients(request)
    let attributes: [(String, JSONValue)]
    var remarks: [String] = []
    if request["forced"] == "calls" {
      try request.require("branches", "separate", for: "TeaCache's script for Wan")
      try request.require("signal", "timestep", for: "TeaCache's script for Wan")
      let count = 2 * calls
      attributes = [
        ("num_steps", .integer(count)), ("teacache_thresh", RuntimeText.json(request["threshold"]!)),
        ("coefficients", coefficients), ("use_ref_steps", .bool(request["first-calls"] == "10")),
        ("ret_steps", RuntimeText.json(request["first-calls"]!)),
        ("cutoff_steps", .integer(count - Int(request["last-calls"]!)!)),
      ]
    } else {
      try request.require("branches", "pooled", for: "TeaCache's scripts but that for Wan")
      attributes = [
        ("num_steps", .integer(calls)), ("rel_l1_thresh", RuntimeText.json(request["threshold"]!)),
        ("coefficients", coefficients),
      ]
      remarks.append("these scripts keep coefficients within teacache_forward: put them there")
    }
    let json = JSONValue.object([
      ("attributes", .object(attributes)), ("policy", .string(request.spec.description)),
    ])
    return RuntimeFile(json.text, remarks: remarks)
  }

  private static func coefficients(_ request: RuntimeRequest) throws -> JSONValue {
    if let own = request["coefficients"] { return RuntimeText.numbers(own) }
    guard let preset = TeaCachePreset.published.first(where: { $0.name == request["model"] }) else {
      throw PolicyError("\(request.spec) has no coefficients to write")
    }
    return .array(preset.preset.coefficients.map { .number($0) })
  }

  private static func read(_ path: String) throws -> PolicySpec? {
    guard let file = try AttributeFile(path, wan + plain, mark: "coefficients") else { return nil }
    let members = file.attributes
    let coefficients = try RuntimeText.joined(members.required("coefficients", "a list of numbers"))
    let written = try RuntimeText.policy(file.policy, "teacache")
    let count = try members.required("num_steps", "the number of calls").integer(in: 1...1_000_000)
    var settings: [PolicySpec.Setting] = [.init("model", "custom"), .init("coefficients", coefficients)]
    if members["teacache_thresh"] != nil {
      let cutoff = try members.required("cutoff_steps", "the first call computed at the end")
        .integer(in: 0...count)
      settings += try RuntimeText.setting("threshold", members["teacache_thresh"])
      settings += [
        .init("signal", "timestep"), .init("forced", "calls"),
        .init("first-calls", try RuntimeText.number(members.required("ret_steps", "calls computed first"))),
        .init("last-calls", "\(count - cutoff)"), .init("branches", "separate"), .init("absolute", "no"),
      ]
    } else {
      settings += try RuntimeText.setting(
        "threshold", members.required("rel_l1_thresh", "the threshold, a number"))
      let signal = written.settings.first { $0.key == "signal" }?.value ?? "modulated"
      settings += [
        .init("signal", signal), .init("forced", "ends"), .init("branches", "pooled"),
        .init("absolute", "no"),
      ]
    }
    return PolicySpec(name: "teacache", settings: settings)
  }
}
