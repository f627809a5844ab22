/// JSON with the name and the keyword arguments of one of diffusers' cache configurations (release 0.42.1).
///
/// `{"class": …, "kwargs": {…}, "policy": …}`: the policy's spelling stands beside them for what is settled
/// elsewhere, such as whether the pipeline calls guidance branches apart; where the two differ, kwargs hold.
enum DiffusersRuntime {
  static let runtime = Runtime(
    name: "diffusers", summary: "JSON with the class and the keyword arguments of a cache configuration",
    endings: ["json"], write: write, read: read)

  /// One configuration class and the policy that decides as it does.
  struct Counterpart: Sendable {
    let type: String
    let policy: String
    /// Settings with only one value that the class has.
    let fixed: [(key: String, value: String)]
    /// Settings that are arguments of their own.
    let fields: [(key: String, name: String)]
    /// Arguments that are made of several settings or of none; and back.
    var write: @Sendable (RuntimeRequest) throws -> [(String, JSONValue)] = { _ in [] }
    var read: @Sendable (Members) throws -> [PolicySpec.Setting] = { _ in [] }
    /// Names of those arguments.
    var names: [String] = []
    var remarks: [String] = []
  }

  static let all: [Counterpart] = [
    Counterpart(
      type: "FirstBlockCacheConfig", policy: "first-block",
      fixed: [("variant", "diffusers"), ("warmup", "0"), ("order", "0")],
      fields: [("threshold", "threshold")]),
    Counterpart(
      type: "MagCacheConfig", policy: "magcache", fixed: [("family", "diffusers")],
      fields: [
        ("threshold", "threshold"), ("cap", "max_skip_steps"), ("retention", "retention_ratio"),
      ],
      write: {
        let ratios = try MagCacheRuntime.ratios($0)
        guard ratios.count == 1 else {
          throw PolicyError(
            "MagCacheConfig has one list of ratios for all guidance branches; \($0["table"]!) has \(ratios.count)"
          )
        }
        return [
          ("num_inference_steps", .integer(try $0.calls(for: "MagCacheConfig"))),
          ("mag_ratios", .array(ratios[0].map { .number($0) })),
        ]
      },
      read: {
        let ratios = try $0.required("mag_ratios", "the ratios, a list of numbers")
        return [.init("table", "custom"), .init("ratios", try RuntimeText.joined(ratios))]
      }, names: ["num_inference_steps", "mag_ratios"]),
    Counterpart(
      type: "TaylorSeerCacheConfig", policy: "taylor", fixed: [("variant", "diffusers")],
      fields: [
        ("interval", "cache_interval"), ("before", "disable_cache_before_step"), ("order", "max_order"),
      ],
      write: {
        try $0.require("site", "output", "stack", for: "TaylorSeerCacheConfig")
        return [
          ("disable_cache_after_step", $0["after"] == "0" ? .null : RuntimeText.json($0["after"]!)),
          ("use_lite_mode", .bool($0["site"] == "output")),
        ]
      },
      read: {
        let after = try RuntimeText.setting("after", $0["disable_cache_after_step"])
        let isLite = try $0["use_lite_mode"]?.flag() ?? false
        return (after.isEmpty ? [.init("after", "0")] : after) + [.init("site", isLite ? "output" : "stack")]
      }, names: ["disable_cache_after_step", "use_lite_mode"],
      remarks: [
        "pass taylor_factors_dtype=torch.float32 when loading: its default, bfloat16, rounds what replay does not"
      ]),
    Counterpart(
      type: "FasterCacheConfig", policy: "fastercache", fixed: [],
      fields: [
        ("every", "unconditional_batch_skip_range"), ("low-gain", "alpha_low_frequency"),
        ("high-gain", "alpha_high_frequency"),
      ],
      write: {
        [
          (range, .array([.integer(-1), RuntimeText.json($0["below"]!)])),
          ("spatial_attention_block_skip_range", .null),
        ]
      },
      read: { members in
        if let attention = members["spatial_attention_block_skip_range"], !attention.isNull {
          throw attention.fault(
            "\(attention.name) reuses attention outputs, which has no replay; it takes null")
        }
        guard let field = members[range] else { return [] }
        let ends = try field.reals()
        guard ends.count == 2, ends[0] < 0 else {
          throw field.fault("\(field.name) must begin below 0: skipping goes on to the end")
        }
        return [.init("below", ends[1].shortest)]
      }, names: [range, "spatial_attention_block_skip_range"],
      remarks: ["pass tensor_format and current_timestep_callback when loading: they belong to the pipeline"]),
    Counterpart(
      type: "PyramidAttentionBroadcastConfig", policy: "pab", fixed: [],
      fields: [("every", "spatial_attention_block_skip_range")],
      write: {
        [
          (
            "spatial_attention_timestep_skip_range",
            .array([RuntimeText.json($0["above"]!), RuntimeText.json($0["below"]!)])
          )
        ]
      },
      read: {
        guard let field = $0["spatial_attention_timestep_skip_range"] else { return [] }
        let ends = try field.reals()
        guard ends.count == 2 else { throw field.refused("a list of two timesteps") }
        return [.init("above", ends[0].shortest), .init("below", ends[1].shortest)]
      }, names: ["spatial_attention_timestep_skip_range"],
      remarks: ["pass current_timestep_callback when loading: it belongs to the pipeline"]),
    Counterpart(
      type: "SeaCacheConfig", policy: "seacache", fixed: [("signal", "latent"), ("branches", "separate")],
      fields: [
        ("threshold", "threshold"), ("order", "residual_order"), ("cap", "max_consecutive_cached"),
        ("power", "power_exp"),
      ],
      write: {
        try $0.require("forced", "ends", "first", for: "SeaCacheConfig")
        return [
          ("retention_steps", .integer(1)), ("cache_end_steps", .integer($0["forced"] == "ends" ? 1 : 0)),
        ]
      },
      read: {
        let first = try $0["retention_steps"]?.integer(in: 0...1_000_000) ?? 1
        let last = try $0["cache_end_steps"]?.integer(in: 0...1_000_000) ?? 1
        guard first <= 1, last <= 1 else {
          throw $0.owner.fault(
            "retention_steps and cache_end_steps above 1 are forced=calls,first-calls=…,last-calls=…, which count "
              + "the evaluations of all guidance branches; write them so")
        }
        return [.init("model", "diffusers"), .init("forced", last == 1 ? "ends" : "first")]
      }, names: ["retention_steps", "cache_end_steps"]),
  ]

  private static let range = "unconditional_batch_timestep_skip_range"

  private static func write(_ request: RuntimeRequest) throws -> RuntimeFile {
    guard let counterpart = all.first(where: { $0.policy == request.name }) else {
      throw PolicyError(
        "diffusers has no cache that decides as \(request.name) does; it has counterparts of "
          + all.map(\.policy).joined(separator: ", "))
    }
    for (key, value) in counterpart.fixed { try request.require(key, value, for: counterpart.type) }
    let arguments =
      counterpart.fields.map { ($0.name, RuntimeText.json(request[$0.key]!)) }
      + (try counterpart.write(request))
    let json = JSONValue.object([
      ("class", .string(counterpart.type)), ("kwargs", .object(arguments)),
      ("policy", .string(request.spec.description)),
    ])
    return RuntimeFile(json.text, remarks: counterpart.remarks)
  }

  private static func read(_ path: String) throws -> PolicySpec? {
    let whole = try Document.read(path)
    guard whole.isMapping, try whole.entries().contains(where: { $0.key == "class" }) else { return nil }
    let members = try whole.members(["class", "kwargs", "policy"])
    let type = try members["class"]!.choice(all.map(\.type))
    let counterpart = all.first { $0.type == type }!
    let arguments = try members.required("kwargs", "the keyword arguments")
      .members(counterpart.fields.map(\.name) + counterpart.names)
    var settings = counterpart.fixed.map { PolicySpec.Setting($0.key, $0.value) }
    for (key, name) in counterpart.fields { settings += try RuntimeText.setting(key, arguments[name]) }
    settings += try counterpart.read(arguments)
    return try RuntimeText.policy(members["policy"], counterpart.policy).with(settings)
  }
}
