import Trace

/// cache-dit's YAML: `cache_config` with the fields of `DBCacheConfig` and the calibrator's keys, which
/// `cache_dit.load_configs` reads (release 1.5.3).
enum CacheDitRuntime {
  static let runtime = Runtime(
    name: "cache-dit", summary: "YAML for cache_dit.load_configs: DBCacheConfig, steps mask, calibrator",
    endings: ["yaml", "yml"], write: write, read: read)

  /// Settings of `dbcache` that are fields of `DBCacheConfig`.
  static let fields: [(key: String, name: String)] = [
    ("fn", "Fn_compute_blocks"), ("bn", "Bn_compute_blocks"), ("threshold", "residual_diff_threshold"),
    ("warmup", "max_warmup_steps"), ("warmup-interval", "warmup_interval"),
    ("max-cached", "max_cached_steps"),
    ("max-continuous", "max_continuous_cached_steps"),
  ]
  private static let budget = "max_accumulated_residual_diff_threshold"
  private static let others = [
    "cache_type", budget, "num_inference_steps", "steps_computation_mask", "steps_computation_policy",
    "enable_separate_cfg", "cfg_diff_compute_separate", "enable_taylorseer", "taylorseer_order", "enable_dmd",
    "dmd_history", "enable_foca", "enable_encoder_taylorseer", "enable_encoder_dmd", "enable_encoder_foca",
  ]

  private static func write(_ request: RuntimeRequest) throws -> RuntimeFile {
    let request = request.name == "dbcache" ? request : try masked(request)
    try request.require("counter", "streak", for: "cache-dit 1.5.3")
    try request.require("lag", "1", for: "cache-dit 1.5.3")
    var lines: [(String, String)] = [("cache_type", "DBCache")]
    for (key, name) in fields { lines.append((name, request[key]!)) }
    if let budget = request["budget"], budget != "0" { lines.append((self.budget, budget)) }
    if let calls = request.callCount { lines.append(("num_inference_steps", "\(calls)")) }
    if request["mask"] != "none" {
      let calls = try request.calls(for: "a steps mask of cache-dit")
      lines.append(("steps_computation_mask", RuntimeText.bits(try mask(request, calls)).text))
      lines.append(("steps_computation_policy", request["mask-policy"]!))
    }
    lines.append(("enable_separate_cfg", request["branches"] == "pooled" ? "false" : "true"))
    if request["branches"] == "lead" { lines.append(("cfg_diff_compute_separate", "false")) }
    switch request["predictor"] {
    case "taylor": lines += [("enable_taylorseer", "true"), ("taylorseer_order", request["order"]!)]
    case "dmd": lines += [("enable_dmd", "true"), ("dmd_history", request["history"]!)]
    case "foca": lines += [("enable_foca", "true")]
    default: break
    }
    var remarks: [String] = []
    if request.callCount == nil {
      remarks.append(
        "num_inference_steps is left out: without it cache-dit does not start anew for each rollout")
    }
    return RuntimeFile(
      "# \(request.spec)\ncache_config:\n" + lines.map { "  \($0.0): \($0.1)\n" }.joined(), remarks: remarks)
  }

  private static func mask(_ request: RuntimeRequest, _ calls: Int) throws -> [Bool] {
    let mask =
      StepMask(rawValue: request["mask"]!)?.mask(callCount: calls)
      ?? request["calls"].flatMap { MaskPolicy.calls($0)?.mask(callCount: calls) }
    guard let mask else { throw PolicyError("\(request.typedSpec) has no mask for \(calls) calls") }
    return mask
  }

  /// A timetable that holds the rest of the stack, as DBCache with a static mask.
  private static func masked(_ request: RuntimeRequest) throws -> RuntimeRequest {
    guard let site = try request.plan.policySite, case .rest(after: let first, tail: let last) = site else {
      throw PolicyError(
        "cache-dit caches what lies between its first and last blocks, and \(request.typedSpec) caches "
          + "\(try request.plan.policySite?.name ?? "nothing")"
          + request.hint(site: "rest.8, or whichever blocks it shall keep")
      )
    }
    guard let predictor = try request.plan.predictor(), predictor.anchorCount == 1 else {
      throw PolicyError(
        "\(request.typedSpec) does not hold what it skips; cache-dit's calibrators are written as "
          + "dbcache:mask=own,calls=…,mask-policy=static,predictor=taylor, foca or dmd")
    }
    let mask = try request.timetable(for: "cache-dit").single(for: "cache-dit")
    let bits = String(mask.map { $0 ? "1" : "0" })
    let plan = try PolicyRegistry.plan(
      "dbcache:fn=\(first),bn=\(last),mask=own,calls=\(bits),mask-policy=static")
    return try RuntimeRequest(plan, callCount: mask.count)
  }

  private static func read(_ path: String) throws -> PolicySpec? {
    let whole = try Document.read(path)
    guard whole.isMapping, let entry = try whole.entries().first(where: { $0.key == "cache_config" }) else {
      return nil
    }
    let members = try entry.field.members(fields.map(\.name) + others)
    if let kind = members["cache_type"], try kind.text() != "DBCache" {
      throw kind.fault("cache_type is \(try kind.text()); only DBCache can be replayed")
    }
    var settings: [PolicySpec.Setting] = []
    for (key, name) in fields { settings += try RuntimeText.setting(key, members[name]) }
    settings += try RuntimeText.setting("budget", members[budget])
    let isSeparate = try members["enable_separate_cfg"].map { $0.isNull ? false : try $0.flag() } ?? false
    let isLead = try members["cfg_diff_compute_separate"].map { try !$0.flag() } ?? false
    settings.append(.init("branches", !isSeparate ? "pooled" : isLead ? "lead" : "separate"))
    if let mask = members["steps_computation_mask"], !mask.isNull {
      settings += try masked(mask, members)
    }
    let on = try ["enable_taylorseer", "enable_dmd", "enable_foca"].filter {
      try members[$0]?.flag() ?? false
    }
    guard on.count <= 1 else {
      throw entry.field.fault("\(on.joined(separator: " and ")) are both on; cache-dit takes one calibrator")
    }
    switch on.first {
    case "enable_taylorseer":
      settings.append(.init("predictor", "taylor"))
      settings += try RuntimeText.setting("order", members["taylorseer_order"])
    case "enable_dmd":
      settings.append(.init("predictor", "dmd"))
      settings += try RuntimeText.setting("history", members["dmd_history"])
    case "enable_foca": settings.append(.init("predictor", "foca"))
    default: break
    }
    return PolicySpec(name: "dbcache", settings: settings)
  }

  private static func masked(_ field: Field, _ members: Members) throws -> [PolicySpec.Setting] {
    let policy = try members["steps_computation_policy"]?.choice(["dynamic", "static"]) ?? "dynamic"
    if !field.isList {
      let preset = try field.choice(StepMask.allCases.map(\.rawValue))
      return [.init("mask", preset), .init("mask-policy", policy)]
    }
    let bits = try field.items().map { try $0.integer(in: 0...1) }
    guard bits.first == 1 else { throw field.fault("\(field.name) must begin with 1: step 0 is computed") }
    if let count = members["num_inference_steps"], !count.isNull {
      let steps = try count.integer(in: 1...1_000_000)
      guard steps == bits.count else {
        throw field.fault("\(field.name) has \(bits.count) steps, num_inference_steps is \(steps)")
      }
    }
    return [
      .init("mask", "own"), .init("calls", bits.map(String.init).joined()), .init("mask-policy", policy),
    ]
  }
}
