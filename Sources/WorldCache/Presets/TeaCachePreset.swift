import Trace

/// TeaCache as published for one model: polynomial, threshold and rules.
///
/// Read from ali-vilab/TeaCache 7c10efc (TeaCache4* and eval/teacache/experiments), except `qwen-image`, which is
/// the polynomial of vllm-project/vllm-omni. Thresholds are the slowest of those published for a model.
struct TeaCachePreset: Sendable {
  /// Factors of the polynomial, highest power first.
  let coefficients: [Double]
  let threshold: String
  var signal = "modulated"
  var forced = ForcedCalls.Rule.ends
  var firstCalls = "2"
  var lastCalls = "2"
  var isSeparate = false
  var isAbsolute = false

  private static func embedding(_ coefficients: [Double], _ threshold: String) -> TeaCachePreset {
    TeaCachePreset(coefficients: coefficients, threshold: threshold, signal: "timestep")
  }

  /// Wan 2.1 counts evaluations and keeps its branches apart; its signals are the time embedding and, in the
  /// variants `-ret`, its projection.
  private static func wan(
    _ coefficients: [Double], _ threshold: String, ret: Bool = false
  ) -> TeaCachePreset {
    TeaCachePreset(
      coefficients: coefficients, threshold: threshold, signal: "timestep", forced: .calls,
      firstCalls: ret ? "10" : "2", lastCalls: ret ? "0" : "2", isSeparate: true)
  }

  static let published: [(name: String, preset: TeaCachePreset)] = [
    ("flux", .init(coefficients: flux, threshold: "0.25")),
    ("tangoflux", .init(coefficients: flux, threshold: "0.25")),
    (
      "hunyuan",
      .init(
        coefficients: [733.226126, -401.131952, 67.5869174, -3.149878, 0.0961237896], threshold: "0.1")
    ),
    (
      "ltx",
      .init(
        coefficients: [21.4700694, -12.8016453, 2.31279151, 0.792487521, 0.00969274326], threshold: "0.03")
    ),
    (
      "mochi",
      .init(
        coefficients: [-3512.41319, 811.675948, -60.9400215, 2.42429681, 0.00305291719], threshold: "0.06")
    ),
    ("lumina-t2x", .init(coefficients: lumina, threshold: "0.2")),
    ("lumina2", .init(coefficients: lumina, threshold: "0.3")),
    (
      "lumina2-v2",
      .init(
        coefficients: [
          225.7042019806413, -608.8453716535591, 304.1869942338369, 124.21267720116742, -1.4089066892956552,
        ], threshold: "0.3")
    ),
    (
      "cosmos",
      .init(
        coefficients: [271.156237, -91.9775607, 2.2443725, 2.08355751, 0.14177633], threshold: "0.3",
        isSeparate: true)
    ),
    (
      "open-sora",
      .init(
        coefficients: [217.546007, -118.329252, 26.8662585, -0.0459364272, 0.048442624], threshold: "0.1")
    ),
    (
      "latte",
      .init(
        coefficients: [-2464.34137, 308.044764, 80.7447667, -4.11385132, 0.111001402], threshold: "0.1")
    ),
    (
      "open-sora-plan",
      .init(
        coefficients: [205943.668, -14875.9286, 306.085986, 1.3141808, 0.00239658469], threshold: "0.1")
    ),
    (
      "cogvideox-2b",
      .embedding([-31.0658903, 25.4732368, -5.92380459, 1.75769064, -0.00361568434], "0.1")
    ),
    ("cogvideox-5b", .embedding(cogVideoX, "0.1")),
    ("consisid", .embedding(cogVideoX, "0.1")),
    (
      "cogvideox1.5-5b",
      .embedding([250.210439, -165.061612, 35.7804877, -0.781551492, 0.0358559703], "0.1")
    ),
    (
      "cogvideox1.5-5b-i2v",
      .embedding([122.842302, -104.088754, 26.2981677, -0.306009921, 0.037121322], "0.1")
    ),
    (
      "hidream",
      .init(
        coefficients: [-31360.5009, -712.425503, 49.1363285, 8.2651549, 0.108053901], threshold: "0.17",
        signal: "timestep", forced: .share)
    ),
    (
      "wan2.1-t2v-1.3b", .wan([2396.76752, -1311.10545, 201.331979, -8.29855975, 0.137887774], "0.05")
    ),
    (
      "wan2.1-t2v-1.3b-ret",
      .wan([-52186.2437, 9230.41404, -528.275948, 13.6987616, -0.0499875664], "0.05", ret: true)
    ),
    (
      "wan2.1-t2v-14b",
      .wan([-5784.54975374, 5449.50911966, -1811.16591783, 256.27178429, -13.02252404], "0.14")
    ),
    (
      "wan2.1-t2v-14b-ret",
      .wan([-303318.725, 49053.7029, -2655.30556, 58.7365115, -0.315583525], "0.1", ret: true)
    ),
    (
      "wan2.1-i2v-480p", .wan([-302.33167, 223.948934, -52.546397, 5.8734844, -0.201973289], "0.13")
    ),
    (
      "wan2.1-i2v-480p-ret",
      .wan([257151.496, -35422.9917, 1402.86849, -13.5890334, 0.132517977], "0.2", ret: true)
    ),
    (
      "wan2.1-i2v-720p",
      .wan([-114.36346466, 65.26524496, -18.82220707, 4.91518089, -0.23412683], "0.18")
    ),
    (
      "wan2.1-i2v-720p-ret",
      .wan([8107.0546, 2133.93892, -372.934672, 16.6203073, -0.0417769401], "0.2", ret: true)
    ),
    (
      "qwen-image",
      .init(
        coefficients: [-450, 280, -45, 3.2, -0.02], threshold: "0.2", forced: .first, isSeparate: true,
        isAbsolute: true)
    ),
  ]

  private static let flux = [498.651651, -283.781631, 55.8554382, -3.82021401, 0.264230861]
  private static let cogVideoX = [-1538.80483, 843.202495, -134.363087, 7.97131516, -0.0523162339]
  private static let lumina = [393.76566581, -603.50993606, 209.10239044, -23.00726601, 0.86377344]

  /// What each model has for a setting, where it differs from `usual`.
  static func defaults(_ usual: String, _ value: (TeaCachePreset) -> String) -> Parameter.OtherDefaults {
    let values = published.map { ($0.name, value($0.preset)) }.filter { $0.1 != usual }
    return .init(key: "model", values: Dictionary(uniqueKeysWithValues: values))
  }
}
