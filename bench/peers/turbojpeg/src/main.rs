//! Runs libjpeg-turbo and fast_image_resize as a child process of the bench; ../../protocol.go defines the messages. It does what
//! somebody writes by hand for speed: decode at the smallest n/8 that suffices, to RGB; Lanczos3 by SIMD; optimised codes. One
//! thread.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use base64::{Engine, engine::general_purpose::STANDARD};
use fast_image_resize::images::Image as Pixels;
use fast_image_resize::{PixelType, Resizer};
use serde::{Deserialize, Serialize};
use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, Subsamp};

#[derive(Deserialize)]
struct Request {
    file: String,
    boxes: Vec<[usize; 2]>,
    quality: i32,
    effort: String,
    reps: usize,
    keep: bool,
    stream: bool,
}

#[derive(Serialize, Default)]
struct Answer {
    ns: u128,
    cpu: i64,
    files: Vec<String>,
    error: String,
}

/// The size of a picture inside a box, not enlarged; a height of 0 follows from the width.
fn fit([width, height]: [usize; 2], w: usize, h: usize) -> (usize, usize) {
    let mut scale = (width as f64 / w as f64).min(1.0);
    if height > 0 {
        scale = scale.min(height as f64 / h as f64);
    }
    let side = |n: usize| ((n as f64 * scale).round() as usize).max(1);
    (side(w), side(h))
}

fn task(data: &[u8], request: &Request) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut decoder = Decompressor::new()?;
    let header = decoder.read_header(data)?;
    let sizes: Vec<_> = request.boxes.iter().map(|b| fit(*b, header.width, header.height)).collect();
    let (w, h) = sizes.iter().copied().max().ok_or("no boxes")?;
    let factor = Decompressor::supported_scaling_factors()
        .into_iter()
        .filter(|f| f.num() <= f.denom() && f.scale(header.width) >= w && f.scale(header.height) >= h)
        .min_by_key(|f| f.scale(header.width))
        .ok_or("no scale suffices")?;
    decoder.set_scaling_factor(factor)?;
    let scaled = header.scaled(factor);
    let mut pixels = vec![0; 3 * scaled.width * scaled.height];
    decoder.decompress(data, Image {
        pixels: &mut pixels[..],
        width: scaled.width,
        pitch: 3 * scaled.width,
        height: scaled.height,
        format: PixelFormat::RGB,
    })?;
    let source = Pixels::from_vec_u8(scaled.width as u32, scaled.height as u32, pixels, PixelType::U8x3)?;
    let mut resizer = Resizer::new();
    let mut encoder = Compressor::new()?;
    encoder.set_quality(request.quality)?;
    encoder.set_subsamp(Subsamp::Sub2x2)?;
    encoder.set_optimize(true)?;
    encoder.set_progressive(request.effort == "high")?;
    let mut files = Vec::new();
    for (w, h) in sizes {
        let mut reduced = Pixels::new(w as u32, h as u32, PixelType::U8x3);
        resizer.resize(&source, &mut reduced, None)?; // Lanczos3 is its default
        files.push(encoder.compress_to_vec(Image {
            pixels: reduced.buffer(),
            width: w,
            pitch: 3 * w,
            height: h,
            format: PixelFormat::RGB,
        })?);
    }
    Ok(files)
}

/// The time in which processors worked on this process, in ns.
fn processor_time() -> i64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    match unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t) } {
        0 => t.tv_sec as i64 * 1_000_000_000 + t.tv_nsec as i64,
        _ => 0,
    }
}

fn answer(request: &Request, loaded: &mut (String, Vec<u8>)) -> Result<Answer, Box<dyn Error>> {
    if !request.stream && loaded.0 != request.file {
        *loaded = (request.file.clone(), std::fs::read(&request.file)?);
    }
    let mut files = Vec::new();
    let (used, start) = (processor_time(), Instant::now());
    for _ in 0..request.reps {
        files = if request.stream {
            task(&std::fs::read(&request.file)?, request)?
        } else {
            task(&loaded.1, request)?
        };
    }
    let (ns, cpu) = (start.elapsed().as_nanos(), processor_time() - used);
    if !request.keep {
        files.clear();
    }
    let files = files.iter().map(|f| STANDARD.encode(f)).collect();
    Ok(Answer { ns, cpu, files, ..Answer::default() })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{{\"version\":\"1.5.1 (fast_image_resize 5.5.0)\"}}")?;
    out.flush()?;
    let mut loaded = Default::default();
    for line in std::io::stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let said = answer(&request, &mut loaded)
            .unwrap_or_else(|e| Answer { error: e.to_string(), ..Answer::default() });
        writeln!(out, "{}", serde_json::to_string(&said)?)?;
        out.flush()?;
    }
    Ok(())
}
