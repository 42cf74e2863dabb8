#!/usr/bin/env bash
# What: the thumbnail of a gray PNG becomes far brighter once the file has alpha, or a transparent level in tRNS: level 100 is 168
#   then, and without them 100. No pixel needs to be transparent. It happens where a BufferedImage is drawn, so that other
#   libraries on Java 2D do the same.
# Versions: Thumbnailator 0.4.21 from Maven Central, OpenJDK 17.0.15 (25.0.2 does the same), and Pillow 13.0.0 from PyPI, which
#   writes the files.
# Why it matters: Java's gray, CS_GRAY, is linear light, and ImageIO gives the levels of any gray PNG to it as they are. Pictures of
#   type BYTE_GRAY are drawn by shortcuts that copy levels, so that nobody notices; gray with alpha has no such type
#   (TYPE_CUSTOM), and is converted, from a linear light that it never was, to sRGB. Optimisers of PNG turn black and white
#   logos and shadows into gray with alpha, and their thumbnails wash out; black and white alone, with which tests are made,
#   stay what they are. imageType(TYPE_INT_ARGB) does not help, for it draws as well. imgmill takes gray for sRGB's.
# Seen: 2026-11-30 (level 100, opaque)
#   RGB: read 100, thumbnail 100 100 100
#   gray: read 100, thumbnail 100
#   gray with alpha: read 100, thumbnail 168 168 168
#   gray with tRNS: read 100, thumbnail 168 168 168
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mvn -q -B -Dmaven.repo.local="$work/m2" dependency:copy -Dartifact=net.coobird:thumbnailator:0.4.21 -DoutputDirectory=. >log
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pillow==13.0.0

venv/bin/python - <<'EOF'
from PIL import Image

Image.new("RGB", (32, 32), (100, 100, 100)).save("RGB.png")
Image.new("L", (32, 32), 100).save("gray.png")
Image.new("LA", (32, 32), (100, 255)).save("gray with alpha.png")
Image.new("L", (32, 32), 100).save("gray with tRNS.png", transparency=0)
EOF
cat >Sizes.java <<'EOF'
import java.awt.image.BufferedImage;
import java.io.File;
import java.util.Arrays;
import java.util.stream.Collectors;
import javax.imageio.ImageIO;
import net.coobird.thumbnailator.Thumbnails;

public class Sizes {
  static String levels(BufferedImage image) {
    int[] samples = image.getRaster().getPixel(4, 4, (int[]) null);
    int colours = image.getColorModel().getNumColorComponents();
    return Arrays.stream(samples).limit(colours).mapToObj(String::valueOf).collect(Collectors.joining(" "));
  }

  public static void main(String[] names) throws Exception {
    for (String name : names) {
      File file = new File(name + ".png");
      BufferedImage small = Thumbnails.of(file).size(16, 16).asBufferedImage();
      System.out.println(name + ": read " + levels(ImageIO.read(file)).split(" ")[0] + ", thumbnail " + levels(small));
    }
  }
}
EOF
seen=$(java -cp thumbnailator-0.4.21.jar Sizes.java RGB gray "gray with alpha" "gray with tRNS")
echo "$seen"
[ "$seen" = "RGB: read 100, thumbnail 100 100 100
gray: read 100, thumbnail 100
gray with alpha: read 100, thumbnail 168 168 168
gray with tRNS: read 100, thumbnail 168 168 168" ]
