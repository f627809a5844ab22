/// JSON with the attributes that MagCache's scripts set on the model's class (Zehong-Ma/MagCache df81cb1).
///
/// `{"attributes": {…}, "policy": …}`. Ratios stand there for the number of calls asked for, those of two guidance
/// branches by turns; which script's rules hold is told by the policy's spelling alone.
enum MagCacheRuntime {
  static let runtime = Runtime(
    name: "magcache", summary: "JSON with the attributes that MagCache's scripts set", endings: ["json"],
    write: write, read: read)

  static let names = ["num_steps", "magcache_thresh", "K", "retention_ratio", "mag_ratios"]
  /// Families whose scripts have these attributes, and whether they interleave two branches.
  private static let families = ["flux": false, "hunyuan": false, "wan": true, "qwen": true]

  /// The calibrated ratios, one list for each guidance branch or a single one for all.
  static func ratios(_ request: RuntimeRequest) throws -> [[Double]] {
    let own = ["ratios", "second-ratios"].compactMap { request[$0] }
    if !own.isEmpty { return own.map { $0.split(separator: "+").map { Double($0)! } } }
    guard let table = MagnitudeRatios.published[request["table"] ?? ""] else {
      throw PolicyError("\(request.typedSpec) has no ratios to write")
    }
    return table
  }

  private static func write(_ request: RuntimeRequest) throws -> RuntimeFile {
    guard request.name == "magcache" else {
      throw PolicyError("MagCache's attributes describe magcache alone, not \(request.name)")
    }
    let family = request["family"]!
    guard let isInterleaved = families[family] else {
      throw PolicyError(
        "the script of \(family) keeps its settings elsewhere; these attributes are those of family="
          + families.keys.sorted().joined(separator: ", ")
          + (family == "diffusers" ? "; the target diffusers writes MagCacheConfig" : ""))
    }
    let calls = try request.calls(for: "MagCache")
    let lists = try ratios(request).map { MagnitudeRatios.resampled($0, callCount: calls) }
    guard isInterleaved || lists.count == 1 else {
      throw PolicyError("the script of \(family) has one list of ratios; \(request["table"]!) has two")
    }
    let flat =
      isInterleaved ? (0..<calls).flatMap { [lists[0][$0], lists[lists.count - 1][$0]] } : lists[0]
    return RuntimeFile(
      AttributeFile.text(
        [
          ("num_steps", .integer(isInterleaved ? 2 * calls : calls)),
          ("magcache_thresh", RuntimeText.json(request["threshold"]!)),
          ("K", RuntimeText.json(request["cap"]!)),
          ("retention_ratio", RuntimeText.json(request["retention"]!)),
          ("mag_ratios", .array(flat.map { .number($0) })),
        ], of: request.spec))
  }

  private static func read(_ path: String) throws -> PolicySpec? {
    guard let file = try AttributeFile(path, names, mark: "mag_ratios") else { return nil }
    let members = file.attributes
    let written = try RuntimeText.policy(file.policy, "magcache")
    let family = written.settings.first { $0.key == "family" }?.value ?? "flux"
    guard let isInterleaved = families[family] else {
      throw file.attributes.owner.fault("attributes of family=\(family) cannot be read")
    }
    var settings: [PolicySpec.Setting] = [.init("family", family)]
    for (key, name) in [("threshold", "magcache_thresh"), ("cap", "K"), ("retention", "retention_ratio")] {
      settings += try RuntimeText.setting(key, members[name])
    }
    let list = try members.required("mag_ratios", "a list of numbers")
    let ratios = try list.reals()
    if let steps = members["num_steps"], try steps.integer(in: 1...1_000_000) != ratios.count {
      throw list.fault(
        "\(list.name) has \(ratios.count) numbers, and num_steps is \(try steps.integer(in: 1...1_000_000)); it takes as many"
      )
    }
    guard !isInterleaved || ratios.count.isMultiple(of: 2) else {
      throw list.fault(
        "\(list.name) has \(ratios.count) numbers; those of two guidance branches by turns are an even number"
      )
    }
    guard isInterleaved else {
      return PolicySpec(
        name: "magcache",
        settings: settings + [
          .init("table", "custom"), .init("ratios", ratios.map(\.shortest).joined(separator: "+")),
        ])
    }
    // Two branches by turns: one list where they are alike, the published table they came from, or both.
    let halves = (0..<2).map { half in stride(from: half, to: ratios.count, by: 2).map { ratios[$0] } }
    if halves[0] == halves[1] {
      settings += [
        .init("table", "custom"), .init("ratios", halves[0].map(\.shortest).joined(separator: "+")),
      ]
    } else if let table = MagnitudeRatios.published.first(where: {
      $0.value.count == 2
        && $0.value.map { MagnitudeRatios.resampled($0, callCount: halves[0].count) } == halves
    }) {
      settings.append(.init("table", table.key))
    } else {
      settings += [
        .init("table", MagCachePolicy.byBranch),
        .init("ratios", halves[0].map(\.shortest).joined(separator: "+")),
        .init("second-ratios", halves[1].map(\.shortest).joined(separator: "+")),
      ]
    }
    return PolicySpec(name: "magcache", settings: settings)
  }
}
